"""Text from outside, made safe to show: the one place where that is decided.

Names, statement texts and messages of a server may hold anything: bytes of no
encoding, terminal escapes, marks that turn the reading direction. One such value
must neither break a scrape nor forge a log line.
"""

from __future__ import annotations

import re

LIMIT = 65_536
_BYTE = 0xFF
ELLIPSIS = "…"

# C0 and C1 without tab and newline, surrogates, marks of reading direction,
# line and paragraph separators, byte order mark. A carriage return that belongs to a
# line's end just goes.
_LINE_END = re.compile("\r+\n")
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\ud800-\udfff"
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


def clean_text(value: str | bytes, *, limit: int = LIMIT) -> str:
    r"""Return text without what could harm its reader, at most `limit` characters.

    Bytes come from SQL_ASCII databases: they are read as UTF-8, and what is not
    stays visible as `\xNN`. So does everything else that is not shown as it is:
    two names that differ must not look the same, or a statement that is meant for
    one would hit the other. Tabs and newlines remain: statements consist of lines.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    value = _cut(value, limit)
    if value.isascii() and value.isprintable():
        return value
    return _cut(_UNSAFE.sub(_visible, _LINE_END.sub("\n", value)), limit)


def _cut(value: str, limit: int) -> str:
    return value if len(value) <= limit else value[: limit - len(ELLIPSIS)] + ELLIPSIS


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= _BYTE else f"\\u{code:04x}"


def clean_line(value: str | bytes, *, limit: int = LIMIT) -> str:
    """Return clean text on one line, for messages: each run of space is one."""
    return " ".join(clean_text(value, limit=limit).split())
