"""All autovacuum workers are busy while tables wait for one.

## Meaning

Every worker that `autovacuum_max_workers` allows is running, and this many tables
have passed the point at which autovacuum should vacuum or analyze them. Busy
workers alone are no fault: that is what they are for.

## If ignored

Waiting tables bloat and their statistics go stale, and freezing is late, so that
the next round has even more to do.

## How to look

    select pid, datname, backend_type, xact_start, query
    from pg_catalog.pg_stat_activity
    where backend_type = 'autovacuum worker';

## How to fix

Let each worker do more: raise `autovacuum_vacuum_cost_limit` or lower
`autovacuum_vacuum_cost_delay` (both by reload). More workers share the same
budget, so they alone help only when single huge tables keep them for hours.

## How to silence

Raise `thresholds.autovacuum_saturation.warning` and `.critical`, or mute the
finding.

## Thresholds

10 and 100 waiting tables: a handful is served within the next naptimes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model import autovacuum
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.threshold import Levels
from monitor.model.units import plural
from monitor.model.view import View

UNIT = "tables"
NEEDS = (AutovacuumRow, SettingsRow, TableRow, Catalog)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Tables that wait while every worker is busy."""

    warning: float = 10
    critical: float = 100


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding while autovacuum does not keep up."""
    workers = view.rows(AutovacuumRow)
    for settings in view.rows(SettingsRow):
        if len(workers) < settings.autovacuum_max_workers:
            continue
        waiting = _waiting(view, workers)
        severity = thresholds.severity(waiting)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            object=ObjectRef("server"),
            summary=(
                f"all {plural(len(workers), 'autovacuum worker')} are busy and "
                f"{plural(waiting, 'table')} wait"
            ),
            evidence=tuple(_evidence(workers, waiting)),
            remedy=Remedy(
                sql=(
                    "alter system set autovacuum_vacuum_cost_limit = 2000;\n"
                    "select pg_catalog.pg_reload_conf();"
                ),
                undo=(
                    "alter system reset autovacuum_vacuum_cost_limit;\n"
                    "select pg_catalog.pg_reload_conf();"
                ),
                risk="More I/O by autovacuum; watch the disk's utilisation.",
            ),
            value=float(waiting),
        )


def _waiting(view: View, workers: tuple[AutovacuumRow, ...]) -> int:
    taken = {(worker.datname, worker.relid) for worker in workers}
    return sum(
        table.is_due and (table.datname, table.row.oid) not in taken
        for table in autovacuum.tables(view)
    )


def _evidence(workers: tuple[AutovacuumRow, ...], waiting: int) -> Iterator[Evidence]:
    yield Evidence("tables waiting", waiting, "tables")
    yield Evidence("workers busy", len(workers), "workers")
    against = sum(worker.is_wraparound for worker in workers)
    yield Evidence("of them against wraparound", against, "workers")
    longest = max((w.running_seconds or 0.0 for w in workers), default=0.0)
    yield Evidence("longest run", longest, "seconds")
