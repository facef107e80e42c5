"""Whose objects schema `monitoring` holds: its owner's, whoever installs.

That is role pgvigil_owner where it exists and may be assumed. Views and functions
of a superuser would run with a superuser's rights.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from monitor.errors import MigrationError
from monitor.postgres import trust
from monitor.postgres.bookkeeping import Connection
from monitor.postgres.translate import translate


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Who we are and what is there. `owner` and `is_ours` are None without schema."""

    role: str
    owner: str | None
    may_assume_owner: bool
    may_create: bool
    is_ours: bool | None
    is_trusted: bool


_PLACE: LiteralString = (
    """
    with place as (
        select
            (
                select n.oid
                from pg_catalog.pg_namespace as n
                where n.nspname = 'monitoring'
            ) as schema_oid,
            pg_catalog.to_regrole('pgvigil_owner')::oid as own_role
    ),

    owned as (
        select
            p.schema_oid as schema_oid,
            case
                when p.schema_oid is not null
                    then (
                        select n.nspowner
                        from pg_catalog.pg_namespace as n
                        where n.oid = p.schema_oid
                    )
                when
                    p.own_role is not null
                    and pg_catalog.has_database_privilege(
                        p.own_role,
                        pg_catalog.current_database(),
                        'create'
                    )
                    then p.own_role
            end as owner
        from place as p
    )

    select
        current_user::text as role,
        pg_catalog.pg_get_userbyid(o.owner)::text as owner,
        coalesce(
            pg_catalog.pg_has_role(o.owner, 'member'),
            false
        ) as may_assume_owner,
        case
            when o.schema_oid is null
                then pg_catalog.has_database_privilege(
                    pg_catalog.current_database(),
                    'create'
                )
            else pg_catalog.has_schema_privilege(o.schema_oid, 'create')
        end as may_create,
        case
            when o.schema_oid is not null
                then
                    pg_catalog.to_regclass('monitoring.repeatables') is not null
                    or pg_catalog.to_regclass('monitoring.schema_migrations')
                    is not null
                    or not exists (
                        select
                        from pg_catalog.pg_class as c
                        where c.relnamespace = o.schema_oid
                    )
        end as is_ours,
        coalesce(m.is_trusted, true) as is_trusted
    from owned as o
    left join ("""  # noqa: S608 - all parts are constants
    + trust.MONITORING
    + ") as m on true"
)


@asynccontextmanager
async def as_owner(connection: Connection) -> AsyncGenerator[Place]:
    """Act as the owner of the schema while it is changed, where that is possible.

    Raises:
        MigrationError: the schema is not of pgvigil, is in the hands of somebody else,
            or cannot be created in.
    """
    place = await _place(connection)
    if place.is_ours is False:
        raise MigrationError(
            'schema "monitoring" exists and is not of pgvigil',
            hint="Rename it, or let pgvigil use another database for control.",
        )
    if not place.is_trusted:
        raise MigrationError(trust.distrust(place.owner or ""), hint=trust.CURE)
    role = sql.Identifier(place.owner) if place.owner else None
    assumes = False
    if role and place.owner != place.role and place.may_assume_owner:
        assumes = await _assume(connection, role)
    if not (assumes or place.may_create):
        raise MigrationError(
            'could not create in schema "monitoring"',
            detail=f'Role "{place.role}" has no CREATE privilege for it.',
            hint="Install as its owner, or as a role with CREATE on the database.",
        )
    try:
        yield place
    finally:
        if assumes and not connection.closed:
            await connection.execute("reset role")


async def _place(connection: Connection) -> Place:
    try:
        async with connection.cursor(row_factory=class_row(Place)) as cursor:
            await cursor.execute(_PLACE)
            place = await cursor.fetchone()
    except psycopg.Error as error:
        told = translate(error, what="find out about schema monitoring")
        raise MigrationError(told.message, detail=told.detail) from error
    if place is None:
        raise MigrationError("could not find out about schema monitoring")
    return place


async def _assume(connection: Connection, role: sql.Identifier) -> bool:
    try:
        await connection.execute(sql.SQL("set role {}").format(role))
    except psycopg.errors.InsufficientPrivilege:
        # From 16 a membership may be without the right to SET ROLE.
        return False
    return True
