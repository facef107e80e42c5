"""How a script to be read and run with psql keeps that a version is there."""

from __future__ import annotations

from psycopg import sql

from monitor.model.migration import Kind, Migration
from monitor.postgres.bookkeeping import TABLE


def record_text(schema: str, migration: Migration, *, kind: Kind) -> str:
    """Return the statement that records a version in the table of a schema."""
    literal = {
        "version": sql.Literal(migration.version),
        "name": sql.Literal(migration.name),
        "rollback_sql": sql.Literal(migration.down_sql),
        "checksum": sql.Literal(migration.checksum),
        "kind": sql.Literal(kind),
    }
    return (
        sql.SQL(
            """\
insert into {table} (
    version,
    name,
    rollback_sql,
    checksum,
    duration_ms,
    kind,
    server_version
)
values (
    {version},
    {name},
    {rollback_sql},
    {checksum},
    0,
    {kind},
    pg_catalog.current_setting('server_version_num')::integer
);
"""
        )
        .format(table=sql.Identifier(schema, TABLE), **literal)
        .as_string()
    )
