"""Texts of statements, each fetched once, redacted before anything else sees them.

The server converts every text it holds for each read: one text that is not valid
in this database's encoding fails them all, whatever is asked for. Then statements
stay without texts, and everything else goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.objects import Statements
from monitor.collectors.query_collector import FileCollector
from monitor.model.text import clean_text
from monitor.model.view import StatementText
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request
from monitor.sqltext.redaction import redact

_BATCH = 500
_LONGEST = 10_000
_KNOWN_LIMIT = 50_000


class TextsCollector(FileCollector):
    """Fetches the texts that are missing, the costliest statements first."""

    def __init__(self, place: Place, library: Library, statements: Statements) -> None:
        super().__init__(place, library, "statement_texts")
        self._statements = statements
        self._known: set[int] = set()

    def requests(self) -> tuple[Request, ...]:
        """Return one batch; nothing while every statement has its text."""
        rows = self._statements.rows
        missing = [row for row in rows if row.queryid not in self._known]
        missing.sort(key=lambda row: row.exec_time_seconds_total, reverse=True)
        ids = [*dict.fromkeys(row.queryid for row in missing)][:_BATCH]
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
        if len(self._known) > _KNOWN_LIMIT:
            self._known = {row.queryid for row in self._statements.rows}
        self._known |= texts.keys()
        return Collected(texts=texts)


def _text(queryid: int, raw: bytes) -> StatementText:
    text = clean_text(raw)
    return StatementText(
        queryid=queryid,
        text=redact(text[:_LONGEST]),
        truncated=len(text) > _LONGEST,
    )
