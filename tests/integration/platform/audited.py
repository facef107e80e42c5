"""What the tests of the audit log ask it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from tests.platform import Connection


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit log, without its id and times."""

    schema_name: str
    table_name: str
    record_id: str | None
    operation: str
    old_values: dict[str, Any] | None
    new_values: dict[str, Any] | None
    changed_fields: list[str] | None
    user_id: UUID | None
    actor_role: str
    session_user_name: str
    session_id: str | None
    ip_address: IPv4Address | IPv6Address | None
    user_agent: str | None
    txid: int


async def entries(connection: Connection, table: str) -> list[Entry]:
    """Return the audit rows of a table of any schema, in order of writing.

    Within a transaction all have one time: the place in the heap tells.
    """
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            """
            select
                a.schema_name,
                a.table_name,
                a.record_id,
                a.operation::text as operation,
                a.old_values,
                a.new_values,
                a.changed_fields,
                a.user_id,
                a.actor_role,
                a.session_user_name,
                a.session_id,
                a.ip_address,
                a.user_agent,
                a.txid
            from public.audit_logs as a
            where a.table_name = %s
            order by a.created_at, a.ctid
            """,
            [table],
        )
        return await cursor.fetchall()


async def last(connection: Connection, table: str) -> Entry:
    """Return the newest audit row of a table."""
    return (await entries(connection, table))[-1]


async def create_audited(
    connection: Connection, columns: LiteralString, arguments: LiteralString = ""
) -> None:
    """Create public.things with these columns and audit it."""
    await connection.execute(f"create table public.things ({columns})")
    await connection.execute(
        f"select monitoring.enable_audit('public.things'{arguments})"
    )
