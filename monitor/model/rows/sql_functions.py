"""Functions in language SQL, with what they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFunctionRow:
    """A function in language SQL that is neither the system's nor an extension's.

    `search_path` is the one it fixes, None if none. `body` is its text, empty where
    it was parsed at creation; then `relations` are what it names. Source: pg_proc,
    pg_depend.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    name: str
    owner: str
    is_definer: bool
    search_path: str | None
    body: str
    relations: tuple[int, ...]
