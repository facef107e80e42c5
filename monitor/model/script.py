"""SQL scripts as text: checksum, header, and where one statement ends.

This is no parser: it knows quotes and comments, nothing else. Statements that it
cannot tell apart (a `begin atomic` body) belong into transactional files, which
go to the server whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<open> /\* )
    | (?P<string>
          (?<![a-z0-9_$])e'(?:[^'\\]|\\.|'')*'
        | '(?:[^']|'')*'
        | "(?:[^"]|"")*"
      )
    | (?P<dollar> (?<![a-z0-9_$])\$(?P<tag>(?:[a-z_][a-z0-9_]*)?)\$.*?\$(?P=tag)\$ )
    | (?P<end> ; )
    | (?P<other> [^-/'"$;e]+ | . )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_NESTING = re.compile(r"/\*|\*/")
_TRANSACTION = re.compile(
    r"\s*(begin|commit|rollback|abort|end|savepoint|release|start\s+transaction"
    r"|prepare\s+transaction)\b",
    re.IGNORECASE,
)
_CONCURRENT_INDEX = re.compile(
    r"""\s*create\s+(?:unique\s+)?index\s+concurrently\s+
        (?:if\s+not\s+exists\s+)?
        (?P<index>"(?:[^"]|"")+"|[\w$]+)\s+on\s+(?:only\s+)?
        (?P<schema>"(?:[^"]|"")+"|[\w$]+)\.(?P<table>"(?:[^"]|"")+"|[\w$]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_CASCADE = re.compile(r"\bcascade\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ConcurrentIndex:
    """The index that a `create index concurrently` makes; it lies beside its table."""

    schema: str
    name: str


def normalise(text: str) -> str:
    """Return a script as it is compared: no trailing blanks, one newline at the end.

    An editor or a checkout on Windows does not change what a script does.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def checksum(text: str) -> str:
    """Return the SHA-256 of the normalised script, in hexadecimal."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()


def has_directive(text: str, name: str) -> bool:
    """Say whether a comment line of the script is exactly `-- name`."""
    wanted = f"-- {name}"
    return any(line.rstrip() == wanted for line in text.splitlines())


def statements(text: str) -> tuple[str, ...]:
    """Return the statements of a script, without the semicolons between them."""
    found: list[str] = []
    current: list[str] = []
    for kind, token in _tokens(text):
        if kind == "end":
            found.append("".join(current).strip())
            current = []
        else:
            current.append(token)
    found.append("".join(current).strip())
    return tuple(s for s in found if code(s))


def code(text: str) -> str:
    """Return a script with comments and quoted text blanked out."""
    kept = (t if kind in ("other", "end") else " " for kind, t in _tokens(text))
    return "".join(kept).strip()


def without_comments(text: str) -> str:
    """Return a script with its comments blanked out."""
    kept = (" " if kind == "comment" else token for kind, token in _tokens(text))
    return "".join(kept).strip()


def controls_transaction(text: str) -> bool:
    """Say whether a script begins or ends a transaction itself."""
    return any(_TRANSACTION.match(code(s)) for s in statements(text))


def has_cascade(text: str) -> bool:
    """Say whether a script drops or truncates more than it names."""
    return _CASCADE.search(code(text)) is not None


def concurrent_index(statement: str) -> ConcurrentIndex | None:
    """Return what a `create index concurrently` makes; None for other statements."""
    match = _CONCURRENT_INDEX.match(without_comments(statement))
    if match is None:
        return None
    return ConcurrentIndex(_folded(match["schema"]), _folded(match["index"]))


def is_concurrent(statement: str) -> bool:
    """Say whether a statement waits for old transactions without blocking any."""
    return re.search(r"\bconcurrently\b", code(statement), re.IGNORECASE) is not None


def _folded(identifier: str) -> str:
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier.lower()


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        # Named group `tag` lies within `dollar`, so lastgroup is the outer one.
        kind = match.lastgroup or "other"
        if kind == "open":
            position = _end_of_block_comment(text, match.start())
            kind = "comment"
        yield kind, text[match.start() : position]


def _end_of_block_comment(text: str, start: int) -> int:
    """Return where a comment ends; they nest in PostgreSQL."""
    depth = 0
    for match in _NESTING.finditer(text, start):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)
