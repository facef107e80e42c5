"""Which columns of which tables a statement compares and sorts by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from monitor.model.catalog import Catalog, Relation
from monitor.sqltext.outline import outline
from monitor.sqltext.syntax import Comparison, Match, Outline, Sort, Source

Find = Callable[[str, str], Relation | None]
"""Gives the relation of a schema (may be empty) and name; None if unclear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A comparison of a table's column. `is_alternative`: it stands below an OR."""

    relid: int
    column: str
    match: Match
    is_alternative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """A column of ORDER BY. `is_limited`: only the first rows are wanted."""

    relid: int
    column: str
    is_descending: bool
    is_limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a statement does, in oids. `unresolved` counts columns left out.

    A column is left out when its relation is no table of this catalog, or when
    the name could mean more than one.
    """

    relids: frozenset[int]
    written: frozenset[int]
    predicates: tuple[Predicate, ...]
    sort_keys: tuple[SortKey, ...]
    unresolved: int


class _Place(NamedTuple):
    scope: int
    position: int
    relation: Relation


def relations(text: str) -> tuple[tuple[str, str], ...] | None:
    """Return schema and name of the relations a query reads or writes.

    Names of common table expressions are not among them. The schema is empty
    where the text names none. None means "not analysed".
    """
    found = outline(text)
    if found is None:
        return None
    return tuple((source.schema, source.name) for source in found.relations)


def facts(text: str, find: Find) -> Facts | None:
    """Return what a recorded text compares and sorts by; None: not analysed."""
    found = outline(text)
    return None if found is None else resolve(found, find)


def resolve(syntax: Outline, find: Find) -> Facts:
    """Give the names in an outline their meaning."""
    predicates = tuple(_predicate(syntax, each, find) for each in syntax.comparisons)
    keys = tuple(_sort_key(syntax, each, find) for each in syntax.sorts)
    return Facts(
        relids=frozenset(_oids(syntax.relations, find)),
        written=frozenset(_oids(syntax.written, find)),
        predicates=tuple(each for each in predicates if each is not None),
        sort_keys=tuple(each for each in keys if each is not None),
        unresolved=predicates.count(None) + keys.count(None),
    )


def finder(catalog: Catalog) -> Find:
    """Return the lookup by name in one database's catalog.

    A name without schema is found only if one schema alone has it: the
    search_path that the statement ran under was not recorded.
    """
    exact: dict[tuple[str, str], Relation] = {}
    loose: dict[str, list[Relation]] = {}
    for relation in catalog.relations.values():
        exact[relation.schemaname, relation.relname] = relation
        loose.setdefault(relation.relname, []).append(relation)

    def find(schema: str, name: str) -> Relation | None:
        if schema:
            return exact.get((schema, name))
        named = loose.get(name, [])
        return named[0] if len(named) == 1 else None

    return find


def _oids(sources: tuple[Source, ...], find: Find) -> Iterator[int]:
    for source in sources:
        relation = find(source.schema, source.name)
        if relation is not None:
            yield relation.oid


def _predicate(syntax: Outline, each: Comparison, find: Find) -> Predicate | None:
    place = _place(syntax, each.scope, each.path, find)
    if place is None:
        return None
    partner = _place(syntax, each.scope, each.partner, find) if each.partner else None
    # Two columns of one row are no search condition for an index.
    if partner is not None and partner[:2] == place[:2]:
        return None
    return Predicate(
        relid=place.relation.oid,
        column=each.path[-1],
        match=each.match,
        is_alternative=each.is_alternative,
    )


def _sort_key(syntax: Outline, each: Sort, find: Find) -> SortKey | None:
    place = _place(syntax, each.scope, each.path, find)
    if place is None:
        return None
    return SortKey(
        relid=place.relation.oid,
        column=each.path[-1],
        is_descending=each.is_descending,
        is_limited=each.is_limited,
    )


def _place(
    syntax: Outline, number: int, path: tuple[str, ...], find: Find
) -> _Place | None:
    """Return where a name leads: the innermost scope that knows it decides."""
    while number >= 0:
        scope = syntax.scopes[number]
        hits = [
            position
            for position, source in enumerate(scope.sources)
            if _may_mean(source, path, find)
        ]
        if hits:
            return _known(scope.sources, number, hits, path, find)
        number = scope.parent
    return None


def _known(
    sources: tuple[Source, ...],
    number: int,
    hits: list[int],
    path: tuple[str, ...],
    find: Find,
) -> _Place | None:
    """Return the one table among the possible sources that has the column.

    A sub-select beside it may have the column too, but then the server would
    have refused the statement as ambiguous.
    """
    places: list[_Place] = []
    for position in hits:
        relation = find(sources[position].schema, sources[position].name)
        if relation is not None and path[-1] in relation.columns:
            places.append(_Place(number, position, relation))
    return places[0] if len(places) == 1 else None


def _may_mean(source: Source, path: tuple[str, ...], find: Find) -> bool:
    *qualifiers, column = path
    if qualifiers:
        return source.alias == qualifiers[-1]
    relation = find(source.schema, source.name) if source.name else None
    return relation is None or column in relation.columns
