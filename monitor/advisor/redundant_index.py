"""An index is the beginning of another one.

## Meaning

Another btree index on the same table starts with all keys of this one, with the
same operator classes, collations and order, the same predicate, and holds every
column that this one includes. Whatever this index can find the wider one can too.

## If ignored

Every write maintains both. The saving from dropping it is the size shown; the
price is that the wider index has fewer entries on a page, so scans that used the
narrow one read a little more.

## How to look

    select indexrelid::regclass, pg_get_indexdef(indexrelid)
    from pg_catalog.pg_index
    where indrelid = 'the_schema.the_table'::regclass;

## How to fix

Type the statement given, on a quiet day, and watch the statements on the table. If
the narrow index is used very often and much smaller, keeping it may be right.

## How to silence

    comment on index the_schema.the_index is 'pgvigil:keep';

## Thresholds

Indexes below 128 kB are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How large an index must be."""

    min_size_bytes: float = 128 * 1024


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per index whose keys another one starts with."""
    for catalog in view.catalogs.values():
        size_of = sizes(view, catalog.datname)
        for relation in catalog.relations.values():
            for index, wider in _covered(catalog, relation):
                if size_of(index) >= thresholds.min_size_bytes:
                    yield _finding(catalog, relation, index, wider, size_of)


def _covered(catalog: Catalog, relation: Relation) -> Iterator[tuple[Index, Index]]:
    indexes = [
        each
        for each in catalog.indexes_of(relation.oid)
        if each.method == "btree" and each.is_valid and each.is_ready
    ]
    for index in indexes:
        if index.is_unique or protections(index, catalog):
            continue
        wider = [each for each in indexes if replaces(each, index)]
        if wider:
            # The narrowest costs least to scan instead.
            yield index, min(wider, key=lambda each: (len(each.columns), each.oid))


def replaces(wider: Index, index: Index) -> bool:
    """Say whether one index can do all that another, non-unique one does.

    Never both ways round: of two equal ones neither replaces the other, they are
    duplicates.
    """
    keys = index.key_columns
    return (
        wider.oid != index.oid
        and not index.has_expressions
        and keys <= wider.key_columns
        and wider.predicate == index.predicate
        and wider.columns[:keys] == index.columns[:keys]
        and wider.opclasses[:keys] == index.opclasses[:keys]
        and wider.collations[:keys] == index.collations[:keys]
        and wider.options[:keys] == index.options[:keys]
        and set(index.columns) <= set(wider.columns)
        and (keys < wider.key_columns or set(index.columns) < set(wider.columns))
    )


def _finding(
    catalog: Catalog,
    relation: Relation,
    index: Index,
    wider: Index,
    size_of: Callable[[Index], int],
) -> Finding:
    size_bytes, wider_bytes = size_of(index), size_of(wider)
    return Finding(
        severity=Severity.INFO,
        database=catalog.datname,
        object=index_ref(index),
        summary=(
            f"index {index_name(index)} ({size(size_bytes)}) of table "
            f"{table_name(relation)} is the beginning of {index_name(wider)} "
            f"({size(wider_bytes)})"
        ),
        evidence=(
            Evidence("size of the index", size_bytes, "bytes"),
            Evidence("size of the wider index", wider_bytes, "bytes"),
            Evidence("definition", index.definition or "not readable while locked"),
            Evidence("definition of the wider index", wider.definition),
            Evidence("covering index oid", wider.oid),
            *about(relation, index),
        ),
        unknowns=("How much slower scans of the wider index are: not costed.",),
        confidence="medium",
        remedy=removal(
            index,
            "Scans that used it read the wider index, which has fewer entries on a "
            "page.",
        ),
        value=float(size_bytes),
    )
