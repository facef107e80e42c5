"""Texts of statements, each fetched once, redacted before anything else sees them.

The server converts every text it holds for each read: one text that is not valid
in this database's encoding fails them all, whatever is asked for. Then statements
stay without texts, and everything else goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter
from typing import cast

from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.objects import Statements
from monitor.collectors.query_collector import FileCollector
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.text import clean_text
from monitor.model.view import StatementText
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request
from monitor.sqltext.redaction import redact

MOST_TEXTS = 5_000
"""Texts that are kept of one server: those of the costliest statements."""

_BATCH = 500
_LONGEST = 10_000


class TextsCollector(FileCollector):
    """Fetches the texts that are missing, the costliest statements first."""

    def __init__(self, place: Place, library: Library, statements: Statements) -> None:
        super().__init__(place, library, "statement_texts")
        self._statements = statements
        self._known: set[int] = set()

    def requests(self) -> tuple[Request, ...]:
        """Return one batch; nothing while every statement has its text.

        A statement that is no longer among those whose texts are kept is not
        known any more: if it comes back, so does its text.
        """
        wanted = costliest(self._statements.rows, MOST_TEXTS)
        self._known.intersection_update(wanted)
        ids = [queryid for queryid in wanted if queryid not in self._known][:_BATCH]
        if not ids:
            return ()
        parameters = {"queryids": ids}
        return (Request(name=self.name, sql=self.query.sql, parameters=parameters),)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return the texts that came; those evicted meanwhile are asked for again."""
        del moment
        (reply,) = replies
        rows = cast("tuple[tuple[int, bytes], ...]", reply.rows)
        texts = {queryid: _text(queryid, raw) for queryid, raw in rows}
        self._known |= texts.keys()
        return Collected(texts=texts)


def costliest(rows: Iterable[StatementRow], limit: int) -> tuple[int, ...]:
    """Return the ids of the statements with most execution time, each once."""
    ordered = sorted(rows, key=attrgetter("exec_time_seconds_total"), reverse=True)
    ids = dict.fromkeys(row.queryid for row in ordered)
    return tuple(islice(ids, limit))


def _text(queryid: int, raw: bytes) -> StatementText:
    text = clean_text(raw)
    return StatementText(
        queryid=queryid,
        text=redact(text[:_LONGEST]),
        truncated=len(text) > _LONGEST,
    )
