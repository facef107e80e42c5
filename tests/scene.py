"""Servers with something in every corner that a dashboard shows.

A primary with a standby, an archive that fails now and then, slots, a pooler,
prepared and idle transactions, blocked sessions and a build of an index that waits;
and a target that nobody reaches.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg

from monitor.postgres.throwaway import ThrowawayServer
from tests.companions import free_port
from tests.poolers import PgBouncer, pgbouncer
from tests.standby import Pair, pair

SETTINGS = {
    "archive_mode": "on",
    # Every other file at first: an archive that works and one that does not.
    "archive_command": "test -e ../archived-%f || { touch ../archived-%f; false; }",
    "autovacuum_naptime": "1s",
    "wal_level": "logical",
    "track_functions": "all",
    "track_io_timing": "on",
    "pg_stat_statements.track_planning": "on",
}
SCHEMA = """
create extension pg_stat_statements;
create role pgvigil_reader login connection limit 20 password 'r';
grant pg_monitor, pg_read_all_data to pgvigil_reader;
alter database postgres connection limit 90;
create table orders (id int primary key, note text) with (autovacuum_enabled = off);
insert into orders select i, repeat('x', 100) from generate_series(1, 5000) as i;
create index orders_note on orders (note);
create index orders_note_again on orders (note);
create table churn (id int) with (autovacuum_vacuum_threshold = 1);
create table building (id int);
create sequence numbers maxvalue 100;
create table events (at timestamptz not null) partition by range (at);
create table events_default partition of events default;
insert into events values (now());
select setval('numbers', 80);
select pg_create_logical_replication_slot('decoded', 'pgoutput');
analyze;
vacuum orders
"""
WORK = (
    "update orders set note = note || 'y' where id % 10 = 1",
    "insert into orders select 1 + max(id), 'new' from orders",
    "delete from orders where id = (select min(id) from orders where id > 100)",
    "select count(*) from (select note from orders order by note, id offset 0) as o",
    "insert into churn values (1)",
    "delete from churn",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """The running servers, and the pooler in front of the primary."""

    servers: Pair
    pooler: PgBouncer

    @property
    def settings(self) -> dict[str, object]:
        """Return the settings that watch it closely, whatever that costs."""
        return {
            "targets": list(self._targets()),
            "governor": {"budget": 1},
            "thresholds": {
                "connection_slots": {"warning": 1},
                "query_time": {"warning": 0.01, "min_calls": 1},
                "replication_slot": {"warning": 1},
                "temp_files": {"warning": 1},
            },
        }

    def _targets(self) -> Iterator[dict[str, object]]:
        reader = {"user": "pgvigil_reader", "password": "r"}
        kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
        every = dict.fromkeys(kinds, "1s")
        nowhere = f"host=127.0.0.1 port={free_port()} user=nobody dbname=nothing"
        for name, dsn, more in (
            (
                "orders",
                self.servers.primary.conninfo(**reader),
                {"pgbouncer_dsn": self.pooler.admin},
            ),
            ("orders_standby", self.servers.standby.conninfo(**reader), {}),
            ("gone", nowhere, {}),
        ):
            yield {"name": name, "dsn": dsn, "intervals": every, **more}


@contextmanager
def scene() -> Generator[Scene]:
    """Run it until the block ends."""
    with ExitStack() as stack:
        servers = stack.enter_context(pair(18, SETTINGS))
        with psycopg.connect(servers.primary.conninfo(), autocommit=True) as admin:
            for statement in SCHEMA.split(";"):
                admin.execute(statement.encode())
        pooler = stack.enter_context(
            pgbouncer(servers.primary.conninfo(), "transaction", pool_size=1)
        )
        stack.enter_context(_traffic(servers.primary, pooler))
        yield Scene(servers, pooler)


@contextmanager
def _traffic(server: ThrowawayServer, pooler: PgBouncer) -> Generator[None]:
    over = threading.Event()
    busy = (
        lambda: _work(server.conninfo(), over),
        lambda: _wait(server.conninfo(), "update orders set note = '' where id = 5"),
        lambda: _wait(server.conninfo(), "create index concurrently on building (id)"),
        lambda: _work_through(pooler.conninfo, over),
    )
    with psycopg.connect(server.conninfo()) as holder:
        holder.execute("insert into building values (1)")
        holder.execute("update orders set note = '' where id = 5")
        threads = [threading.Thread(target=each) for each in busy]
        for thread in threads:
            thread.start()
        with psycopg.connect(server.conninfo()) as other:
            other.execute("insert into churn values (2)")
            other.execute("prepare transaction 'forgotten'")
        try:
            yield
        finally:
            over.set()
            holder.rollback()
            for thread in threads:
                thread.join(20)


def _work(conninfo: str, over: threading.Event) -> None:
    """Read and write, commit and roll back, and finish WAL files."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set work_mem = '64kB'")
        turns = 0
        while not over.wait(0.05):
            for statement in WORK:
                connection.execute(statement.encode())
            connection.commit()
            connection.execute("select 1")
            connection.rollback()
            turns += 1
            if turns % 40 == 0:
                connection.execute("select pg_switch_wal()")
                connection.commit()


def _work_through(conninfo: str, over: threading.Event) -> None:
    with psycopg.connect(conninfo, prepare_threshold=None) as connection:
        while not over.wait(0.2):
            connection.execute("select count(*) from orders")
            connection.commit()


def _wait(conninfo: str, statement: str) -> None:
    with suppress(psycopg.Error), psycopg.connect(conninfo, autocommit=True) as waiting:
        waiting.execute(statement.encode())
