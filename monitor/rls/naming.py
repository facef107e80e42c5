"""What a relation's name in a recorded statement means for the role that ran it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from monitor.rls.inventory import Inventory

DEFAULT_PATH = ("$user", "public")
_SETTING = "search_path="
_NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,]+)')


@dataclass(frozen=True, slots=True)
class Meaning:
    """The relation that a name stands for, by oid; None if there is none.

    `is_loose` says that no schema of the search_path has it: it is the only one of
    its name. `is_unclear` says that it could be one of several.
    """

    oid: int | None
    is_loose: bool = False
    is_unclear: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """The tables and views of one database, by name.

    Temporary relations are not known: one that hides a table goes unnoticed.
    """

    stock: Inventory
    _exact: dict[tuple[str, str], int] = field(init=False, repr=False)
    _loose: dict[str, list[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        exact: dict[tuple[str, str], int] = {}
        loose: dict[str, list[int]] = {}
        for oid, schema, name in _relations(self.stock):
            if exact.setdefault((schema, name), oid) == oid:
                loose.setdefault(name, []).append(oid)
        object.__setattr__(self, "_exact", exact)
        object.__setattr__(self, "_loose", loose)

    def find(self, schema: str, name: str, path: Iterable[str]) -> Meaning:
        """Return what a name means; `schema` is empty where the text has none."""
        if schema:
            return Meaning(self._exact.get((schema, name)))
        for each in path:
            oid = self._exact.get((each, name))
            if oid is not None:
                return Meaning(oid)
        found = self._loose.get(name, [])
        if len(found) == 1:
            return Meaning(found[0], is_loose=True)
        return Meaning(None, is_unclear=bool(found))

    def path_of(self, role: str) -> tuple[str, ...]:
        """Return the schemas that a role searches.

        Its own setting, unless it has different ones in different databases;
        else PostgreSQL's default. What a session or database set instead is not
        recorded. Source: pg_db_role_setting.
        """
        known = self.stock.roles.get(role)
        settings = known.settings if known else ()
        paths = [each for each in settings if each.startswith(_SETTING)]
        if len(paths) != 1:
            return _for(role, DEFAULT_PATH)
        return schemas(paths[0].removeprefix(_SETTING), role)


def _relations(stock: Inventory) -> Iterator[tuple[int, str, str]]:
    for relation in stock.catalog.relations.values():
        yield relation.oid, relation.schemaname, relation.relname
    for view in stock.views.values():
        if view.oid not in stock.catalog.relations:
            yield view.oid, view.schemaname, view.relname


def schemas(path: str, role: str) -> tuple[str, ...]:
    """Return the schemas of a search_path, as a role's session reads it."""
    return _for(role, _split(path))


def _for(role: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(role if name == "$user" else name for name in names)


def _split(path: str) -> Iterator[str]:
    """Yield the names in a list as SET takes it."""
    for match in _NAME.finditer(path):
        quoted, plain = match.groups()
        yield plain.lower() if quoted is None else quoted.replace('""', '"')
