"""Takes out of recorded statements what must not be kept: secrets and literals.

pg_stat_statements normalises queries but stores utility statements verbatim, with
passwords in them, and keeps every comment. This scanner needs no parser, so it
works on truncated and invalid texts too and costs no memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORDS = r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<escape> [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) )
    | (?P<string> (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z) )
    | (?P<dollar> \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? (?:\$(?P=tag)\$|\Z) )
    | (?P<identifier> "(?:[^"]|"")*(?:"|\Z) )
    | (?P<parameter> \$\d+ )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<number> (?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\w* )
    | (?P<space> \s+ )
    | (?P<other> . )
"""
_LEXEMES = re.compile(_WORDS, re.VERBOSE | re.DOTALL)
_PLAIN = r"""
      (?P<plain> (?!\s) (?:
          (?>[^\W\d][\w$]*)(?!&?') | \d[\w.]* | [^\w\s'"$/-] | [ ](?=[^\s/-])
      )+ ) |
"""
"""Several words that nothing is taken from as one: five times as fast."""
_RUNS = re.compile(_PLAIN + _WORDS, re.VERBOSE | re.DOTALL)
_MARKS = re.compile(r"""['"]|--|/\*|\$(?!\d)""")
"""Without one of these a query holds no literal, comment or quoted name."""
_LITERALS = frozenset({"escape", "string", "dollar"})
_QUERIES = frozenset(
    {"select", "insert", "update", "delete", "merge", "with", "values", "table"}
)
_SECRET = re.compile(r"password|secret|token|credential|passwd", re.IGNORECASE)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


class Lexeme(NamedTuple):
    """One word of a statement, with its kind."""

    kind: str
    text: str


def redact(text: str) -> str:
    """Return a statement's text without comments, literals and secrets.

    String literals become parameters `$n`; in utility statements numbers do too.
    A utility statement that speaks of a password, secret or token keeps nothing
    but its first two words.
    """
    if not is_utility(text):
        if not _MARKS.search(text):
            return " ".join(text.split())
        return _without(tuple(_collapsed(_scan(text, _RUNS))), _LITERALS)
    words = tuple(_collapsed(_scan(text, _LEXEMES)))
    if any(_SECRET.search(word.text) for word in words):
        head = [word.text for word in words if word.kind == "word"][:2]
        return " ".join([*head, "[redacted]"])
    return _without(words, _LITERALS | {"number"})


def is_utility(text: str) -> bool:
    """Say whether a text is a utility statement, which PostgreSQL stores verbatim."""
    for lexeme in _scan(text, _LEXEMES):
        if lexeme.kind in {"comment", "space"} or lexeme.text == "(":
            continue
        return lexeme.text.lower() not in _QUERIES
    return False


def _without(words: tuple[Lexeme, ...], kinds: frozenset[str]) -> str:
    taken = [int(word.text[1:]) for word in words if word.kind == "parameter"]
    number = max(taken, default=0)
    parts: list[str] = []
    for word in words:
        if word.kind in kinds:
            number += 1
            parts.append(f"${number}")
        else:
            parts.append(word.text)
    return "".join(parts).strip()


def _collapsed(lexemes: Iterator[Lexeme]) -> Iterator[Lexeme]:
    """Turn each run of comments and white space into one space."""
    was_space = True
    for lexeme in lexemes:
        is_space = lexeme.kind in {"comment", "space"}
        if not is_space:
            yield lexeme
        elif not was_space:
            yield Lexeme("space", " ")
        was_space = is_space


def _scan(text: str, pattern: re.Pattern[str]) -> Iterator[Lexeme]:
    position = 0
    while match := pattern.match(text, position):
        kind = match.lastgroup or "other"
        if kind == "block":
            position = _end_of_block(text, match.end())
            yield Lexeme("comment", "")
            continue
        position = match.end()
        yield Lexeme(kind, match.group())


def _end_of_block(text: str, position: int) -> int:
    """Return where a comment ends; they nest, and a truncated text ends inside."""
    depth = 1
    while depth:
        edge = _BLOCK_EDGE.search(text, position)
        if edge is None:
            return len(text)
        depth += 1 if edge.group() == "/*" else -1
        position = edge.end()
    return position
