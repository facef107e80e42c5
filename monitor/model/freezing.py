"""How far databases and tables are on the way to running out of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from monitor.model.catalog import Relation
from monitor.model.rows.relation_size import SizeRow
from monitor.model.view import View

ID_LIMIT = 2**31
"""Ids are compared modulo 2^32, so an age of 2^31 would be in the future."""

FREEZE_SLACK = 1.1
"""How far past its freeze limit a table may be before autovacuum is called late."""


@dataclass(frozen=True, slots=True)
class TableAge:
    """One table and the age of the oldest id in it."""

    datname: str
    relation: Relation
    age: int


def percent_used(age: int) -> float:
    """Return an age in percent of the ids there are."""
    return 100 * age / ID_LIMIT


def warning_percent(configured: float, critical: float, freeze_max_age: int) -> float:
    """Return the level at which an age is worth a warning.

    A server that is told to freeze late must not warn before autovacuum is due;
    the critical level stays where it is.
    """
    due = percent_used(int(freeze_max_age * FREEZE_SLACK))
    return min(max(configured, due), critical)


def oldest_tables(
    view: View, age_of: Callable[[SizeRow], int | None], at_least: float
) -> Iterator[TableAge]:
    """Yield tables whose age is at least a percentage, the oldest first."""
    found: list[TableAge] = []
    for datname, rows in view.per_database(SizeRow):
        catalog = view.catalogs.get(datname)
        if catalog is None:
            continue
        for row in rows:
            age, relation = age_of(row), catalog.relations.get(row.oid)
            if age is None or relation is None or percent_used(age) < at_least:
                continue
            found.append(TableAge(datname, relation, age))
    yield from sorted(found, key=lambda t: (-t.age, t.datname, t.relation.oid))
