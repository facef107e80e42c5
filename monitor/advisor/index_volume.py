"""Indexes that nothing needs take much of a database's space.

## Meaning

What unused, duplicate and redundant indexes that may be dropped take together, as a
share of all indexes of a database. Each of them has a finding of its own, which says
why it is not needed.

## If ignored

They are written with every row, read by every VACUUM, kept in memory beside what is
needed, copied into every backup and sent to every standby.

## How to look

    select *
    from monitoring.unused_indexes;

shows the unused ones where schema `monitoring` is installed; the findings of
`unused_index`, `duplicate_index` and `redundant_index` are on the page.

## How to fix

Drop one at a time, the largest first, with the statement of its own finding, and
look again: of two indexes that each make the other needless, one has to stay.

## How to silence

    comment on index the_schema.the_index is 'pgvigil:keep';

takes one out of the sum. For all of them raise `thresholds.index_volume.warning`.

## Thresholds

A fifth of the space of all indexes: below that other things are worth more of your
time. `min_size_bytes`, 1 GiB: a smaller sum fits into memory and harms nobody. The
rules that are added up count here with their own defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.advisor import duplicate_index, redundant_index, unused_index
from monitor.advisor.subject import index_ref, sizes
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.threshold import Parameters
from monitor.model.units import plural, size
from monitor.model.view import View

UNIT = "ratio"
NEEDS = (Catalog,)

_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Which share of all indexes, and how much at least."""

    warning: float = 0.2
    min_size_bytes: float = 1024**3


@dataclass(frozen=True, slots=True)
class _Needless:
    finding: Finding
    size_bytes: int


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per database whose needless indexes take much."""
    droppable = _droppable(view)
    for catalog in view.catalogs.values():
        size_of = sizes(view, catalog.datname)
        total = sum(map(size_of, catalog.indexes.values()))
        needless = [
            _Needless(finding, size_of(index))
            for index in catalog.indexes.values()
            if (finding := droppable.get((catalog.datname, index_ref(index))))
        ]
        wasted = sum(one.size_bytes for one in needless)
        is_much = wasted >= max(thresholds.min_size_bytes, thresholds.warning * total)
        if needless and is_much:
            yield _finding(catalog, needless, wasted, total)


def _droppable(view: View) -> dict[tuple[str, ObjectRef], Finding]:
    """Return one finding for each index that may be dropped."""
    rules = (
        unused_index.check(view, unused_index.Thresholds()),
        redundant_index.check(view, redundant_index.Thresholds()),
        duplicate_index.check(view, duplicate_index.Thresholds()),
    )
    return {
        (finding.database, finding.object): finding
        for found in rules
        for finding in found
        if finding.remedy is not None
    }


def _finding(
    catalog: Catalog, needless: list[_Needless], wasted: int, total: int
) -> Finding:
    by_size = sorted(needless, key=lambda one: -one.size_bytes)
    return Finding(
        severity=Severity.WARNING,
        database=catalog.datname,
        object=ObjectRef("database", name=catalog.datname),
        summary=(
            f"{size(wasted)} are taken by {plural(len(needless), 'index', 'indexes')}"
            f" that nothing needs, {wasted / total:.0%} of the space of all indexes"
        ),
        evidence=(
            Evidence("indexes that nothing needs", len(needless)),
            Evidence("their size", wasted, "bytes"),
            Evidence("size of all indexes", total, "bytes"),
            *(
                Evidence(str(one.finding.object), one.size_bytes, "bytes")
                for one in by_size[:_NAMED]
            ),
        ),
        unknowns=("Which of two that make each other needless has to stay.",),
        confidence="medium",
        remedy=by_size[0].finding.remedy,
        value=wasted / total,
    )
