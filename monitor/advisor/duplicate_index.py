"""Two indexes are the same.

## Meaning

Another index on the same table has the same method, keys, operator classes,
collations, order, included columns, expressions and predicate. What one can do the
other can, and the one to keep enforces at least as much.

## If ignored

Every write maintains both; both take memory and space, and the planner looks at
both for every statement.

## How to look

    select indexrelid::regclass, pg_get_indexdef(indexrelid)
    from pg_catalog.pg_index
    where indrelid = 'the_schema.the_table'::regclass;

## How to fix

Type the statement given. It keeps the index that a constraint, uniqueness or
replica identity rests on, else the one used more, else the older.

## How to silence

    comment on index the_schema.the_index is 'pgvigil:keep';

## Thresholds

None: a duplicate of any size is one too many. Two unique indexes are duplicates
only if both treat NULLs the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.advisor.subject import (
    about,
    index_name,
    index_ref,
    removal,
    sizes,
    table_name,
)
from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.droppable import protections
from monitor.model.finding import Evidence, Finding, Severity
from monitor.model.threshold import Parameters
from monitor.model.units import size
from monitor.model.view import View

UNIT = "bytes"
SPLINTER = "0009_duplicate_index"
SEVERITIES = (Severity.WARNING,)
NEEDS = (Catalog,)

Thresholds = Parameters


def check(view: View, thresholds: Parameters) -> Iterator[Finding]:
    """Yield a finding per index that another one fully replaces."""
    del thresholds
    for catalog in view.catalogs.values():
        for relation in catalog.relations.values():
            for twins in _twins(catalog.indexes_of(relation.oid)):
                yield from _superfluous(view, catalog, relation, twins)


def _twins(indexes: tuple[Index, ...]) -> Iterator[list[Index]]:
    shapes: dict[object, list[Index]] = {}
    for index in indexes:
        if index.is_valid and index.is_ready:
            shapes.setdefault(_shape(index), []).append(index)
    return (group for group in shapes.values() if len(group) > 1)


def _shape(index: Index) -> object:
    return (
        index.method,
        index.columns,
        index.key_columns,
        index.opclasses,
        index.collations,
        index.options,
        index.expressions,
        index.predicate,
        index.is_exclusion,
    )


def _superfluous(
    view: View, catalog: Catalog, relation: Relation, twins: list[Index]
) -> Iterator[Finding]:
    def worth(index: Index) -> tuple[bool, bool, bool, int, int]:
        window = view.windows.get((catalog.datname, index.oid))
        return (
            bool(protections(index, catalog)),
            index.is_unique and index.nulls_not_distinct,
            index.is_unique,
            window.scans if window else 0,
            -index.oid,
        )

    keeper, *others = sorted(twins, key=worth, reverse=True)
    for index in others:
        if not protections(index, catalog) and _enforces(keeper, index):
            yield _finding(view, catalog, relation, index, keeper)


def _enforces(keeper: Index, index: Index) -> bool:
    """Say whether the keeper enforces all that the other does."""
    if not index.is_unique:
        return True
    return keeper.is_unique and keeper.nulls_not_distinct == index.nulls_not_distinct


def _finding(
    view: View, catalog: Catalog, relation: Relation, index: Index, keeper: Index
) -> Finding:
    size_bytes = sizes(view, catalog.datname)(index)
    unknowns = ["Whether a tool or a hint names the index."]
    if index.is_unique and keeper.constraint:
        unknowns.append(
            "Whether the kept constraint is deferrable: then it cannot answer "
            "ON CONFLICT."
        )
    return Finding(
        severity=Severity.WARNING,
        database=catalog.datname,
        object=index_ref(index),
        summary=(
            f"index {index_name(index)} ({size(size_bytes)}) of table "
            f"{table_name(relation)} is the same as {index_name(keeper)}"
        ),
        evidence=(
            Evidence("size of the index", size_bytes, "bytes"),
            Evidence("definition", index.definition or "not readable while locked"),
            Evidence("definition of the kept index", keeper.definition),
            Evidence("kept index", index_name(keeper)),
            Evidence("covering index oid", keeper.oid),
            *about(relation, index),
        ),
        unknowns=tuple(unknowns),
        confidence="medium" if len(unknowns) > 1 else "high",
        remedy=removal(
            index,
            "The other index takes over; while both exist, plans may switch between "
            "them at no cost.",
        ),
        value=float(size_bytes),
    )
