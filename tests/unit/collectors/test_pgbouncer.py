from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from monitor.collectors import pgbouncer
from monitor.collectors.collector import Moment
from monitor.errors import TargetError
from monitor.model.rows.pgbouncer_pools import PoolsRow
from monitor.postgres.request import Reply

_MOMENT = Moment(monotonic=1.0, now=datetime(2026, 1, 1, tzinfo=UTC), epoch="")
_OLD = {
    "database": "shop",
    "user": "app",
    "cl_active": 3,
    "cl_waiting": 2,
    "cl_cancel_req": 0,
    "sv_active": 1,
    "sv_idle": 4,
    "sv_used": 5,
    "sv_tested": 0,
    "sv_login": 6,
    "maxwait": 1,
    "maxwait_us": 500_000,
    "pool_mode": "transaction",
}
_NEW = {
    **_OLD,
    "cl_active_cancel_req": 0,
    "sv_being_canceled": 0,
    "load_balance_hosts": None,
}
_CONSOLE = {**_OLD, "database": "pgbouncer"}
_BASE = {
    "name": "shop",
    "database": "orders",
    "pool_size": 20,
    "max_connections": 0,
    "current_connections": 7,
    "paused": 0,
    "disabled": 1,
}


def _reply(name: str, *rows: Mapping[str, object]) -> Reply:
    columns = tuple(rows[0]) if rows else ()
    return Reply(
        name=name,
        columns=columns,
        types=(25,) * len(columns),
        rows=tuple(tuple(row.values()) for row in rows),
    )


@pytest.mark.parametrize("values", [_OLD, _NEW], ids=["1.12", "1.24"])
def test_a_pool_is_read_by_names_of_its_columns(values: Mapping[str, object]) -> None:
    replies = _reply("pools", values), _reply("databases", _BASE)

    collected = pgbouncer.read(replies, _MOMENT)

    assert collected.readings[0].rows == (
        PoolsRow(
            datname="shop",
            usename="app",
            pool_mode="transaction",
            clients_active=3,
            clients_waiting=2,
            servers_active=1,
            servers_idle=4,
            servers_used=5,
            servers_login=6,
            max_wait_seconds=1.5,
        ),
    )
    pools, databases = collected.sheets
    assert pools.cells(pools.rows[0])[0] == "shop"
    assert databases.cells(databases.rows[0]) == ("shop", "orders", 20, 0, 7, 0, 1)


def test_the_console_itself_is_no_pool() -> None:
    replies = _reply("pools", _CONSOLE), _reply("databases", _BASE)

    assert pgbouncer.read(replies, _MOMENT).readings[0].rows == ()


def test_a_missing_column_is_named() -> None:
    values = {k: v for k, v in _OLD.items() if k != "maxwait"}

    with pytest.raises(TargetError, match="maxwait"):
        pgbouncer.read((_reply("pools", values), _reply("databases", _BASE)), _MOMENT)
