"""Databases of a given size for benchmarks: tables, indexes, policies, statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from monitor.postgres.throwaway import ThrowawayServer

ROLES = ("pgvigil_reader", "postgres_exporter")
PASSWORD = "benchmark"
_BATCH = 100
_LARGEST = 9_000

SETTINGS = {
    "max_connections": "100",
    "max_locks_per_transaction": "256",
    "pg_stat_statements.max": "6000",
    "pg_stat_statements.track": "top",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",  # its work would be counted as the monitor's
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is to watch; `tables` by database, three indexes each."""

    name: str
    tables: tuple[int, ...]
    statements: int
    statement_bytes: int

    @property
    def databases(self) -> tuple[str, ...]:
        """Return the databases' names; the first is the control database."""
        return tuple(f"bench_{self.name}_{n}" for n in range(len(self.tables)))


SMALL = Size(name="small", tables=(50,), statements=500, statement_bytes=200)
MEDIUM = Size(name="medium", tables=(1_000,), statements=5_000, statement_bytes=200)
LARGE = Size(
    name="large",
    tables=(_LARGEST, 500, 500),
    statements=5_000,
    statement_bytes=2_000,
)


def create(server: ThrowawayServer, size: Size) -> None:
    """Make the databases of a size and let the statements be seen."""
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        for role in ROLES:
            _create_role(admin, role)
        for name in size.databases:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    for name, tables in zip(size.databases, size.tables, strict=True):
        with psycopg.connect(server.conninfo(name), autocommit=True) as admin:
            admin.execute("create extension pg_stat_statements")
            _create_tables(admin, tables)
            admin.execute("analyze")
    with psycopg.connect(server.conninfo(size.databases[0]), autocommit=True) as admin:
        admin.execute("select pg_stat_statements_reset()")
        _run_statements(admin, size)


def drop(server: ThrowawayServer, size: Size) -> None:
    """Remove the databases of a size."""
    with psycopg.connect(server.conninfo(), autocommit=True) as admin:
        for name in size.databases:
            statement = sql.SQL("drop database {} with (force)")
            admin.execute(statement.format(sql.Identifier(name)))


def _create_role(admin: psycopg.Connection, role: str) -> None:
    found = admin.execute("select 1 from pg_roles where rolname = %s", [role])
    if found.fetchone() is None:
        name, password = sql.Identifier(role), sql.Literal(PASSWORD)
        admin.execute(
            sql.SQL("create role {} login nobypassrls password {}").format(
                name, password
            )
        )
        admin.execute(sql.SQL("grant pg_monitor to {}").format(name))


def _create_tables(admin: psycopg.Connection, tables: int) -> None:
    for first in range(0, tables, _BATCH):
        last = min(first + _BATCH, tables) - 1
        admin.execute(_TABLES.format(first=sql.Literal(first), last=sql.Literal(last)))


_TABLES = sql.SQL(
    """
    do $body$
    begin
        for n in {first}..{last} loop
            execute format(
                'create table t_%1$s (id bigint primary key, owner_id bigint, '
                'note text) with (fillfactor = 50)', n);
            execute format('create index t_%1$s_owner on t_%1$s (owner_id)', n);
            execute format('create index t_%1$s_note on t_%1$s (note)', n);
            execute format(
                'insert into t_%1$s select i, i, i from generate_series(1, 20) i', n);
            if n %% 5 = 0 then
                execute format(
                    'alter table t_%1$s enable row level security; '
                    'create policy own on t_%1$s for select '
                    'using (owner_id = 1); '
                    'create policy change on t_%1$s for update '
                    'using (owner_id = 1)', n);
            end if;
        end loop;
    end
    $body$
    """.replace("%%", "%")
)


def _run_statements(admin: psycopg.Connection, size: Size) -> None:
    """Run statements that differ in table and shape, so each has an entry."""
    tables = size.tables[0]
    for n in range(size.statements):
        table, terms = n % tables, 1 + n // tables
        condition = sql.SQL(" or ").join([sql.SQL("id = 1")] * terms)
        statement = sql.SQL("select note from {} where {}").format(
            sql.Identifier(f"t_{table}"), condition
        )
        text = statement.as_string(admin)
        padding = "x" * max(0, size.statement_bytes - len(text) - 6)
        admin.execute(statement + sql.SQL("/* " + padding + " */"))  # pyright: ignore[reportArgumentType]


class Churn:
    """Writes to a tenth of the tables of every database, another one each time."""

    def __init__(self, server: ThrowawayServer, size: Size) -> None:
        """Connect to each database."""
        self._tables = size.tables
        self._turn = 0
        self._connections: Sequence[psycopg.Connection] = [
            psycopg.connect(server.conninfo(name), autocommit=True)
            for name in size.databases
        ]

    def write(self) -> None:
        """Update one tuple in each table whose turn it is."""
        self._turn = (self._turn + 3) % 10
        for connection, tables in zip(self._connections, self._tables, strict=True):
            connection.execute(
                _WRITES.format(
                    first=sql.Literal(self._turn), last=sql.Literal(tables - 1)
                )
            )

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()


_WRITES = sql.SQL(
    """
    do $body$
    begin
        for n in {first}..{last} by 10 loop
            execute format('update t_%s set owner_id = owner_id where id = 1', n);
        end loop;
    end
    $body$
    """
)
