"""Why an index may not be dropped: named rules over catalog and usage.

An index without scans can still be needed: it may enforce uniqueness, answer
ON CONFLICT, let the planner remove a join, serve foreign keys, supply statistics
on an expression, or work on a standby only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.model.catalog import Catalog, Index
from monitor.model.coverage import serving_index
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.units import duration, plural
from monitor.model.view import View
from monitor.model.window import UsageWindow

KEEP = "pgvigil:keep"
"""An index whose comment contains this is never proposed for dropping."""


@dataclass(frozen=True, slots=True)
class Veto:
    """One rule that speaks against dropping, and why, as a sentence."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is known of an index's use.

    `standbys` counts the physical standbys that are connected or registered,
    None when that cannot be seen. `last_scan` is the server's own record (16+).
    """

    window: UsageWindow | None
    standbys: int | None = None
    table: TableRow | None = None
    last_scan: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How long an index must have been watched; `needs_month_end` for acting."""

    min_window: timedelta
    needs_month_end: bool = False


def usages(view: View, datname: str) -> Callable[[Index], Usage]:
    """Return the lookup of what a view knows of an index's use."""
    tables = {row.oid: row for row in view.rows(TableRow, datname)}
    scans = {row.oid: row.last_idx_scan for row in view.rows(IndexRow, datname)}
    count = standbys(view)

    def usage(index: Index) -> Usage:
        return Usage(
            window=view.windows.get((datname, index.oid)),
            standbys=count,
            table=tables.get(index.relid),
            last_scan=scans.get(index.oid),
        )

    return usage


def standbys(view: View) -> int | None:
    """Return how many physical standbys may use this server's indexes.

    None when replication cannot be seen. Logical subscribers do not count: they
    read WAL, not indexes.
    """
    if not view.has(ReplicationRow):
        return None
    logical = sum(
        row.slot_type == "logical" and row.is_active
        for row in view.rows(ReplicationSlotsRow)
    )
    connected = max(len(view.rows(ReplicationRow)) - logical, 0)
    return max(connected, view.target.registered_standbys)


def why_not_droppable(
    index: Index, catalog: Catalog, used: Usage, rule: WindowRule
) -> tuple[Veto, ...]:
    """Return every reason against dropping an index for lack of use.

    Empty means that it may be dropped: all rules were asked and none objected.
    """
    return (*protections(index, catalog), *needs(index, catalog), *doubts(used, rule))


def protections(index: Index, catalog: Catalog) -> tuple[Veto, ...]:
    """Return what forbids dropping even if another index could take over."""
    return tuple(_broken(_PROTECTIONS, index, catalog))


def needs(index: Index, catalog: Catalog) -> tuple[Veto, ...]:
    """Return what the index does besides being scanned."""
    return tuple(_broken(_NEEDS, index, catalog))


def doubts(used: Usage, rule: WindowRule) -> tuple[Veto, ...]:
    """Return why the observed usage does not prove that nobody needs the index."""
    return tuple(_doubts(used, rule))


def includes_month_end(since: datetime, until: datetime) -> bool:
    """Say whether a window covers the turn of a month (UTC), when reports run."""
    first, last = since.astimezone(UTC), until.astimezone(UTC)
    return (first.year, first.month) < (last.year, last.month)


def _supports_foreign_key(index: Index, catalog: Catalog) -> bool:
    """Say whether it is the only index that finds the rows of a foreign key."""
    others = tuple(
        each for each in catalog.indexes_of(index.relid) if each.oid != index.oid
    )
    return any(
        serving_index((index,), key.columns) and not serving_index(others, key.columns)
        for key in catalog.foreign_keys_of(index.relid)
    )


def _is_partitioned(index: Index, catalog: Catalog) -> bool:
    relation = catalog.relations.get(index.relid)
    return relation is None or relation.kind == "p"


_Rule = tuple[str, str, Callable[[Index, Catalog], bool]]

_PROTECTIONS: tuple[_Rule, ...] = (
    ("primary", "It is the primary key.", lambda i, _: i.is_primary),
    ("exclusion", "It enforces an exclusion.", lambda i, _: i.is_exclusion),
    ("constraint", "A constraint rests on it.", lambda i, _: bool(i.constraint)),
    (
        "replica_identity",
        "Logical replication identifies rows by it.",
        lambda i, _: i.is_replica_identity,
    ),
    ("clustered", "CLUSTER uses it.", lambda i, _: i.is_clustered),
    (
        "partition_child",
        "It belongs to an index of the partitioned table.",
        lambda i, _: i.is_partition,
    ),
    (
        "partitioned",
        "Its use is counted on the partitions, and it cannot be dropped concurrently.",
        _is_partitioned,
    ),
    ("extension", "An extension owns it.", lambda i, _: bool(i.extension)),
    (
        "invalid",
        "It is invalid or being built; that is another matter.",
        lambda i, _: not (i.is_valid and i.is_ready),
    ),
    ("keep", f"Its comment says {KEEP}.", lambda i, _: KEEP in i.comment),
)

_NEEDS: tuple[_Rule, ...] = (
    (
        "unique",
        "It enforces uniqueness, may answer ON CONFLICT and lets joins be removed.",
        lambda i, _: i.is_unique,
    ),
    (
        "expression_statistics",
        "It supplies statistics on its expressions to other plans.",
        lambda i, _: i.has_expressions,
    ),
    (
        "foreign_key",
        "It is the only index that serves a foreign key.",
        _supports_foreign_key,
    ),
)


def _broken(rules: tuple[_Rule, ...], index: Index, catalog: Catalog) -> Iterator[Veto]:
    for name, reason, is_broken in rules:
        if is_broken(index, catalog):
            yield Veto(name, reason)


def _doubts(used: Usage, rule: WindowRule) -> Iterator[Veto]:
    window = used.window
    if window is None:
        yield Veto("window", "Its use has not been watched yet.")
        return
    if window.scans or (used.last_scan is not None and used.last_scan >= window.since):
        yield Veto("used", "It was scanned within the window.")
    yield from _window_doubts(window, rule)
    yield from _standby_doubts(window, used.standbys)
    if used.table is not None and not _is_in_use(used.table):
        yield Veto("table_idle", "Nobody used its table, so no scan says nothing.")


def _window_doubts(window: UsageWindow, rule: WindowRule) -> Iterator[Veto]:
    watched = window.until - window.since
    if watched < rule.min_window:
        yield Veto(
            "window",
            f"It has been watched for {duration(watched.total_seconds())} since the "
            "last reset, restart or failover; "
            f"{duration(rule.min_window.total_seconds())} are needed.",
        )
    elif rule.needs_month_end and not includes_month_end(window.since, window.until):
        yield Veto("month_end", "The window does not include the end of a month.")


def _standby_doubts(window: UsageWindow, count: int | None) -> Iterator[Veto]:
    if count is None:
        yield Veto("standbys", "Whether there are standbys that use it is not known.")
    elif count > len(window.standbys):
        yield Veto(
            "standbys",
            f"{plural(count, 'standby', 'standbys')} may use it and "
            f"{len(window.standbys)} of them are watched.",
        )


def _is_in_use(table: TableRow) -> bool:
    counts = (
        table.seq_scan_total,
        table.idx_scan_total or 0,
        table.n_tup_ins_total,
        table.n_tup_upd_total,
        table.n_tup_del_total,
    )
    return any(counts)
