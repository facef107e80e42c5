"""Clients wait for PgBouncer to give them a server connection.

## Meaning

How long the first client in a pool's queue has been waiting: every server
connection that the pool may open is in use.

## If ignored

The application hangs although PostgreSQL looks idle; after `query_wait_timeout`
clients are thrown out.

## How to look

On PgBouncer's admin console: `SHOW POOLS`, columns `cl_waiting` and `maxwait`.

## How to fix

Look at what the server connections do: long or idle transactions keep them, and
in transaction mode that is the usual cause. If they are busy with short work and
PostgreSQL has slots and processors to spare, raise `pool_size`.

## How to silence

Raise `thresholds.pool_wait.warning` and `.critical`, or mute the pool's finding.

## Thresholds

1 s and 10 s: a healthy pool lends its connections for milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.rows.pgbouncer_pools import PoolsRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, plural
from monitor.model.view import View

UNIT = "seconds"
NEEDS = (PoolsRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Seconds that the first client in the queue has waited."""

    warning: float = 1
    critical: float = 10


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per pool with clients that wait too long."""
    for row in view.rows(PoolsRow):
        severity = thresholds.severity(row.max_wait_seconds)
        if severity is None or not row.clients_waiting:
            continue
        servers = row.servers_active + row.servers_idle + row.servers_used
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("pool", name=f"{row.datname}/{row.usename}"),
            summary=(
                f'{plural(row.clients_waiting, "client")} of pool "{row.datname}", '
                f'user "{row.usename}" wait, the first for '
                f"{duration(row.max_wait_seconds)}"
            ),
            evidence=(
                Evidence("clients waiting", row.clients_waiting, "clients"),
                Evidence("longest wait", row.max_wait_seconds, "seconds"),
                Evidence("clients served", row.clients_active, "clients"),
                Evidence("server connections", servers, "connections"),
                Evidence("pool mode", row.pool_mode),
            ),
            remedy=Remedy(
                sql=(
                    "select pid, state, xact_start, state_change, query\n"
                    "from pg_catalog.pg_stat_activity\n"
                    "where backend_type = 'client backend'\n"
                    "order by xact_start nulls last;"
                ),
                risk="Reads only, on PostgreSQL; shows who keeps the connections.",
            ),
            value=row.max_wait_seconds,
        )
