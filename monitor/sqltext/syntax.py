"""What the parser found in a statement, in names only: no catalog is involved.

An outline keeps the scopes in which names were used, so that `predicates.py` can
say later which relation a column belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.model.rls import Command


class Match(StrEnum):
    """How a column is compared: with a value, with a range, with another column."""

    EQUALITY = "equality"
    RANGE = "range"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM; without a name it is a sub-select, CTE or function."""

    alias: str
    schema: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The sources a name can refer to; `parent` is the enclosing one, -1 for none."""

    sources: tuple[Source, ...]
    parent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One comparison of a bare column in WHERE or ON.

    `is_alternative` says that it stands below an OR. `partner` is the other
    column of a join.
    """

    path: tuple[str, ...]
    match: Match
    scope: int
    is_alternative: bool
    partner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """One bare column of ORDER BY. `is_limited` says that LIMIT ends the list."""

    path: tuple[str, ...]
    scope: int
    is_descending: bool
    is_limited: bool


@dataclass(frozen=True, slots=True)
class Use:
    """A relation that a text names, with what is done to its rows."""

    schema: str
    name: str
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The relations that a text names, its comparisons and sort keys.

    `kinds` are the parser's names of the statements themselves (`select_stmt`, …).
    A relation has a use for each command, so that one that is read and written
    has several. `calls` are functions by schema, empty where none is named, and name.
    """

    kinds: tuple[str, ...]
    relations: tuple[Source, ...]
    written: tuple[Source, ...]
    uses: tuple[Use, ...]
    calls: tuple[tuple[str, str], ...]
    scopes: tuple[Scope, ...]
    comparisons: tuple[Comparison, ...]
    sorts: tuple[Sort, ...]
