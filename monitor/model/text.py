"""Text from outside, made safe to show: the one place where that is decided.

Names, statement texts and messages of a server may hold anything: bytes of no
encoding, terminal escapes, marks that turn the reading direction. One such value
must neither break a scrape nor forge a log line.
"""

from __future__ import annotations

import re

LIMIT = 65_536
ELLIPSIS = "…"

# C0 and C1 without tab and newline, surrogates, marks of reading direction,
# line and paragraph separators, byte order mark.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\ud800-\udfff"
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def clean_text(value: str | bytes, *, limit: int = LIMIT) -> str:
    r"""Return text without what could harm its reader, at most `limit` characters.

    Bytes come from SQL_ASCII databases: they are read as UTF-8, and what is not
    stays visible as `\xNN`. Tabs and newlines remain: statements consist of lines.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if len(value) > limit:
        value = value[: limit - len(ELLIPSIS)] + ELLIPSIS
    if value.isascii() and value.isprintable():
        return value
    return _UNSAFE.sub("", value)


def clean_line(value: str | bytes, *, limit: int = LIMIT) -> str:
    """Return clean text on one line, for messages: each run of space is one."""
    return " ".join(clean_text(value, limit=limit).split())
