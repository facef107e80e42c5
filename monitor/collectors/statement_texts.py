"""Texts of statements, each fetched once, redacted before anything else sees them.

The server converts every text it holds for each read: one text that is not valid
in this database's encoding fails them all, whatever is asked for. Then statements
stay without texts, and everything else goes on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.objects import Statements
from monitor.collectors.query_collector import FileCollector
from monitor.model.text import clean_text
from monitor.model.view import StatementText
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request

_BATCH = 500
_LONGEST = 10_000
_KNOWN_LIMIT = 50_000

_SUSPICIOUS = re.compile(r"'|--|/\*|\$[A-Za-z_$]")
"""Cheap to look for; most texts have none of it. `$1` is a parameter."""
_LITERAL = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<name> "(?:[^"]|"")*" )
    | (?P<escaped> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) )
    | (?P<dollar> \$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<plain> '(?:[^']|'')*(?:'|\Z) )
    """,
    re.VERBOSE | re.DOTALL,
)


def redact(text: str) -> str:
    """Return a statement without its string literals and comments.

    pg_stat_statements replaces constants only in statements it normalises:
    a utility statement keeps a password, and any statement its comments.
    """
    if not _SUSPICIOUS.search(text):
        return text.strip()
    return _LITERAL.sub(_hide, text).strip()


def _hide(match: re.Match[str]) -> str:
    if match["name"]:
        return match[0]
    return " " if match["comment"] else "'…'"


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
    text = redact(clean_text(raw))
    return StatementText(
        queryid=queryid,
        text=text[:_LONGEST],
        truncated=len(text) > _LONGEST,
    )
