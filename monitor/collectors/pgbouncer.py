"""PgBouncer's pools and databases, as its admin console shows them.

The console speaks the simple protocol only and knows no parameters: run the
requests through psycopg's `ClientCursor`. Columns differ between versions and are
taken by name. Source: SHOW POOLS, SHOW DATABASES.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from monitor.collectors import columns
from monitor.collectors.collector import Collected, Moment
from monitor.errors import TargetError
from monitor.model.rows.pgbouncer_pools import PoolsRow
from monitor.model.snapshot import Column, Kind, Reading, Sheet
from monitor.postgres.request import Reply, Request

NAME = "pgbouncer_pools"
_TEXT, _INTEGER, _FLOAT = 25, 20, 701
_POOLS = {
    "datname": (_TEXT, "Database."),
    "usename": (_TEXT, "Role."),
    "pool_mode": (_TEXT, "Mode of the pool."),
    "clients_active": (_INTEGER, "Clients linked to a server connection."),
    "clients_waiting": (_INTEGER, "Clients waiting for a server connection."),
    "servers_active": (_INTEGER, "Server connections linked to a client."),
    "servers_idle": (_INTEGER, "Server connections ready for a client."),
    "servers_used": (_INTEGER, "Server connections to be checked before use."),
    "servers_login": (_INTEGER, "Server connections logging in."),
    "max_wait_seconds": (_FLOAT, "How long the first client in the queue waits."),
}
_DATABASES = (
    Column("name", Kind.LABEL, "Database as clients name it."),
    Column("datname", Kind.LABEL, "Database on the server."),
    Column("pool_size", Kind.GAUGE, "Server connections allowed per pool."),
    Column("max_connections", Kind.GAUGE, "Server connections allowed, 0: no limit."),
    Column("current_connections", Kind.GAUGE, "Server connections there are."),
    Column("is_paused", Kind.GAUGE, "1 if the database is paused."),
    Column("is_disabled", Kind.GAUGE, "1 if the database is disabled."),
)
_CONSOLE = "pgbouncer"
"""The console's own database, which is no pool to a server."""


def requests() -> tuple[Request, ...]:
    """Return what to ask the admin console."""
    return (
        Request(name=NAME, sql="show pools"),
        Request(name="pgbouncer_databases", sql="show databases"),
    )


def read(replies: Sequence[Reply], moment: Moment) -> Collected:
    """Return the pools as a reading, pools and databases as sheets.

    Raises:
        TargetError: a column is missing that every version has.
    """
    pools, databases = replies
    try:
        rows = tuple(_pool(values) for values in _rows(pools, "database"))
        entries = tuple(_database(values) for values in _rows(databases, "name"))
    except KeyError as error:
        raise TargetError(f"could not find column {error} of PgBouncer") from error
    reading: Reading[Any] = Reading(
        collector=NAME,
        datname="",
        monotonic=moment.monotonic,
        epoch=moment.epoch,
        rows=rows,
    )
    return Collected(readings=(reading,), sheets=(_pools(rows), _bases(entries)))


def _rows(reply: Reply, name: str) -> Iterator[dict[str, Any]]:
    for row in cast("tuple[tuple[Any, ...], ...]", reply.rows):
        values = dict(zip(reply.columns, row, strict=True))
        if values[name] != _CONSOLE:
            yield values


def _pool(values: dict[str, Any]) -> PoolsRow:
    wait = int(values["maxwait"]) + int(values.get("maxwait_us", 0)) / 1_000_000
    return PoolsRow(
        datname=values["database"],
        usename=values["user"],
        pool_mode=values["pool_mode"] or "",
        clients_active=int(values["cl_active"]),
        clients_waiting=int(values["cl_waiting"]),
        servers_active=int(values["sv_active"]),
        servers_idle=int(values["sv_idle"]),
        servers_used=int(values["sv_used"]),
        servers_login=int(values["sv_login"]),
        max_wait_seconds=wait,
    )


def _database(values: dict[str, Any]) -> tuple[object, ...]:
    return (
        values["name"],
        values["database"] or "",
        int(values["pool_size"]),
        int(values["max_connections"]),
        int(values["current_connections"]),
        int(values["paused"]),
        int(values["disabled"]),
    )


def _pools(rows: Sequence[PoolsRow]) -> Sheet:
    texts = {name: text for name, (_, text) in _POOLS.items()}
    types = {name: type_oid for name, (type_oid, _) in _POOLS.items()}
    layout = columns.typed(types.items(), texts)
    return Sheet(
        name=NAME,
        datname="",
        columns=layout.columns,
        rows=columns.distinct(layout, rows),
        cells=layout.cells,
        row_class=PoolsRow,
        max_series=1000,
    )


def _bases(entries: tuple[tuple[object, ...], ...]) -> Sheet:
    return Sheet(
        name="pgbouncer_databases",
        datname="",
        columns=_DATABASES,
        rows=entries,
        cells=lambda row: cast("tuple[object, ...]", row),
        max_series=1000,
    )
