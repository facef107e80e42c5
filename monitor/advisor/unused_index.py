"""An index has not been scanned for weeks.

## Meaning

By our own count of scans, which restarts at every statistics reset, crash and
failover, nobody used the index since the window began, on this server and on all
its watched standbys. Where something speaks against dropping it all the same, the
finding says `not droppable` and why.

## If ignored

Every insert, and every update that is not HOT, maintains the index; VACUUM reads
it; it takes space in memory, in backups and on standbys.

## How to look

    select indexrelname, idx_scan, last_idx_scan
    from pg_catalog.pg_stat_user_indexes
    where schemaname = 'the schema' and indexrelname = 'the index';

`last_idx_scan` exists from PostgreSQL 16. Ask also what runs once a quarter.

## How to fix

Type the statement given; it waits for transactions that use the table but blocks
no reads or writes. Keep the undo: it builds the index again. `pgvigil` drops by
itself only from 30 days with the end of a month in them, and only if it was told
so twice.

## How to silence

    comment on index the_schema.the_index is 'pgvigil:keep';

## Thresholds

Listed from 14 days. Indexes below 128 kB are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.advisor.subject import (
    about,
    index_name,
    index_ref,
    removal,
    sizes,
    table_name,
)
from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.droppable import (
    Usage,
    Veto,
    WindowRule,
    usages,
    why_not_droppable,
)
from monitor.model.finding import Evidence, Finding, Severity
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.threshold import Parameters
from monitor.model.units import duration, size
from monitor.model.view import View
from monitor.model.window import UsageWindow

UNIT = "days"
SPLINTER = "0005_unused_index"
SEVERITIES = (Severity.INFO,)
NEEDS = (IndexRow, Catalog)

_UNLISTED = frozenset(
    {
        "primary",
        "constraint",
        "exclusion",
        "unique",
        "invalid",
        "extension",
        "keep",
        "window",
        "used",
        "partition_child",
        "partitioned",
    }
)
"""Vetoes of indexes whose scans say nothing, now or ever: they are not listed."""


_UNKNOWNS = (
    "Whether rare work (quarterly reports, an emergency procedure) needs it.",
    "Whether a plan uses its statistics or its order without scanning it.",
)
_RISK = (
    "Statements that would have used it become slow; an interrupted drop leaves the "
    "index invalid: no longer used but still maintained."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How long an index was watched and how large it is."""

    min_window_days: float = 14
    min_size_bytes: float = 128 * 1024


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per index that nobody scanned within its window."""
    for catalog in view.catalogs.values():
        yield from _database(view, catalog, thresholds)


def _database(
    view: View, catalog: Catalog, thresholds: Thresholds
) -> Iterator[Finding]:
    rule = WindowRule(min_window=timedelta(days=thresholds.min_window_days))
    usage, size_of = usages(view, catalog.datname), sizes(view, catalog.datname)
    for index in _unscanned(view, catalog, rule.min_window):
        relation = catalog.relations.get(index.relid)
        if relation is None or size_of(index) < thresholds.min_size_bytes:
            continue
        used = usage(index)
        vetoes = why_not_droppable(index, catalog, used, rule)
        if used.window is None or _UNLISTED.intersection(veto.rule for veto in vetoes):
            continue
        yield _finding(
            catalog,
            relation,
            index,
            vetoes,
            used=used,
            window=used.window,
            size_bytes=size_of(index),
        )


def _unscanned(view: View, catalog: Catalog, min_window: timedelta) -> Iterator[Index]:
    for index in catalog.indexes.values():
        window = view.windows.get((catalog.datname, index.oid))
        if window is None or window.scans:
            continue
        if window.until - window.since >= min_window:
            yield index


def _finding(
    catalog: Catalog,
    relation: Relation,
    index: Index,
    vetoes: tuple[Veto, ...],
    *,
    used: Usage,
    window: UsageWindow,
    size_bytes: int,
) -> Finding:
    watched = window.until - window.since
    reasons = " ".join(veto.reason for veto in vetoes)
    return Finding(
        severity=Severity.INFO,
        database=catalog.datname,
        object=index_ref(index),
        summary=(
            f"nobody has scanned index {index_name(index)} ({size(size_bytes)}) of "
            f"table {table_name(relation)} for {duration(watched.total_seconds())}"
            + (f"; not droppable: {reasons}" if vetoes else "")
        ),
        evidence=(
            Evidence("index scans", window.scans, "", watched),
            Evidence("size of the index", size_bytes, "bytes"),
            Evidence("watched standbys", ", ".join(window.standbys) or "none"),
            *_last_scan(used),
            *_writes(used),
            *about(relation, index),
            *(Evidence(f"veto {veto.rule}", veto.reason) for veto in vetoes),
        ),
        unknowns=_UNKNOWNS,
        confidence="low" if vetoes else "medium",
        remedy=None if vetoes else removal(index, _RISK),
        value=watched / timedelta(days=1),
    )


def _last_scan(used: Usage) -> Iterator[Evidence]:
    if used.last_scan is not None:
        yield Evidence("last index scan", used.last_scan.isoformat(sep=" "))


def _writes(used: Usage) -> Iterator[Evidence]:
    if used.table is not None:
        writes = used.table.n_tup_ins_total + used.table.n_tup_upd_total
        yield Evidence("rows inserted or updated since the reset", writes)
