"""What has to hold before the platform is installed, asked before anything changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from monitor.errors import MigrationError
from monitor.model.quoting import quote_ident
from monitor.postgres.bookkeeping import API_ROLES, Bookkeeping
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

OLDEST_MAJOR = 15
"""The first server with views that run with their reader's rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The server, the database, what auth there is, and what our role may do.

    `missing_auth` names what schema auth lacks, `missing_roles` API roles that are
    not there. The privileges are true where their object does not exist.
    """

    major: int
    is_standby: bool
    role: str
    database: str
    bypasses_rls: bool
    may_make_roles: bool
    has_auth: bool
    missing_auth: list[str]
    missing_roles: list[str]
    may_create_schemas: bool
    may_create_in_public: bool
    may_create_in_monitoring: bool
    may_use_auth: bool
    may_reference_users: bool
    may_trigger_on_users: bool


_FACTS: LiteralString = """
select
    pg_catalog.current_setting('server_version_num')::integer / 10000 as major,
    pg_catalog.pg_is_in_recovery() as is_standby,
    current_user::text as role,
    pg_catalog.current_database()::text as database,
    r.rolsuper or r.rolbypassrls as bypasses_rls,
    r.rolsuper or r.rolcreaterole as may_make_roles,
    auth.oid is not null as has_auth,
    array(
        select w.name
        from (
            values
                (1, 'table auth.users', u.oid is not null),
                (2, 'function auth.uid()', auth.names @> '{uid}'),
                (3, 'function auth.jwt()', auth.names @> '{jwt}'),
                (4, 'function auth.role()', auth.names @> '{role}')
        ) as w (place, name, is_there)
        where auth.oid is not null and not w.is_there
        order by w.place
    ) as missing_auth,
    array(
        select w.name
        from pg_catalog.unnest(%(api_roles)s::text[]) as w (name)
        where
            not exists (
                select
                from pg_catalog.pg_roles as a
                where a.rolname = w.name
            )
        order by w.name
    ) as missing_roles,
    pg_catalog.has_database_privilege(
        pg_catalog.current_database(),
        'create'
    ) as may_create_schemas,
    coalesce(
        pg_catalog.has_schema_privilege(public.oid, 'create'),
        false
    ) as may_create_in_public,
    coalesce(
        pg_catalog.has_schema_privilege(monitoring.oid, 'create'),
        true
    ) as may_create_in_monitoring,
    coalesce(pg_catalog.has_schema_privilege(auth.oid, 'usage'), true) as may_use_auth,
    coalesce(
        pg_catalog.has_table_privilege(u.oid, 'references')
        -- A column's privilege would do, but the foreign keys are all on this one.
        or pg_catalog.has_column_privilege(u.oid, 'id', 'references'),
        true
    ) as may_reference_users,
    coalesce(
        pg_catalog.has_table_privilege(u.oid, 'trigger'),
        true
    ) as may_trigger_on_users
from pg_catalog.pg_roles as r
left join lateral (
    select
        n.oid as oid,
        array(
            select p.proname::text
            from pg_catalog.pg_proc as p
            where p.pronamespace = n.oid and p.pronargs = 0
        ) as names
    from pg_catalog.pg_namespace as n
    where n.nspname = 'auth'
) as auth on true
left join pg_catalog.pg_namespace as public on public.nspname = 'public'
left join pg_catalog.pg_namespace as monitoring on monitoring.nspname = 'monitoring'
left join
    pg_catalog.pg_class as u
    on u.relnamespace = auth.oid and u.relname = 'users' and u.relkind in ('r', 'p')
where r.rolname = current_user
"""


async def ask(session: Session) -> Facts:
    """Return what the conditions are about.

    Raises:
        MigrationError: the server did not answer, or table public.schema_migrations
            is another tool's.
    """
    await Bookkeeping(session.connection, "public").exist()
    try:
        async with session.connection.cursor(row_factory=class_row(Facts)) as cursor:
            await cursor.execute(_FACTS, {"api_roles": list(API_ROLES)})
            facts = await cursor.fetchone()
    except psycopg.Error as error:
        told = translate(error, what="find out what may be installed here")
        raise MigrationError(told.message, detail=told.detail) from error
    if facts is None:
        raise MigrationError("could not find out what may be installed here")
    return facts


def require_server(facts: Facts) -> None:
    """Do nothing if the server can hold the platform.

    Raises:
        MigrationError: it is too old, or a standby.
    """
    if facts.major < OLDEST_MAJOR:
        raise MigrationError(
            f"cannot install the platform on PostgreSQL {facts.major}",
            hint=f"It needs PostgreSQL {OLDEST_MAJOR} or newer;"
            " schema monitoring does not.",
        )
    if facts.is_standby:
        raise MigrationError(
            "cannot install the platform on a standby",
            hint="Connect to the primary.",
        )


def require(facts: Facts, *, with_auth_shim: bool) -> None:
    """Do nothing if our role can install the platform into this database.

    Raises:
        MigrationError: the first condition that is not met.
    """
    _require_auth(facts, with_auth_shim=with_auth_shim)
    if not facts.bypasses_rls:
        raise MigrationError(
            f'cannot install the platform as role "{facts.role}"',
            detail="It does not bypass row level security: functions that look up"
            " who is asking would be stopped by the policies that call them.",
            hint="Install as a superuser or as a role with BYPASSRLS.",
        )
    if grants := tuple(_missing_grants(facts)):
        raise MigrationError(
            f'role "{facts.role}" lacks privileges to install the platform',
            hint=f"Run as the objects' owner: {' '.join(grants)}",
        )


def _require_auth(facts: Facts, *, with_auth_shim: bool) -> None:
    if facts.has_auth:
        _require_whole_auth(facts)
        return
    if not with_auth_shim:
        raise MigrationError(
            'there is no schema "auth" in this database',
            detail="The platform refers to its users and asks it who is asking.",
            hint="Install the authentication service first, or take --with-auth-shim"
            " to make a plain table of users.",
        )
    if facts.missing_roles and not facts.may_make_roles:
        raise MigrationError(
            f'role "{facts.role}" cannot create roles',
            detail=f"Missing are {', '.join(facts.missing_roles)}.",
            hint="Install as a role with CREATEROLE, or create them first.",
        )


def _require_whole_auth(facts: Facts) -> None:
    if facts.missing_auth:
        raise MigrationError(
            'schema "auth" is not that of an authentication service',
            detail=f"It lacks {' and '.join(facts.missing_auth)}.",
            hint="Nothing is ever added to a schema auth that exists.",
        )
    if facts.missing_roles:
        raise MigrationError(
            "API roles are missing",
            detail=f"There is no role {', '.join(facts.missing_roles)}.",
            hint="Create them as the REST gateway's manual says.",
        )


def _missing_grants(facts: Facts) -> Iterator[str]:
    role = quote_ident(facts.role)
    wanted = (
        (
            facts.may_create_schemas,
            f"create on database {quote_ident(facts.database)}",
        ),
        (facts.may_create_in_public, "create on schema public"),
        (facts.may_create_in_monitoring, "create on schema monitoring"),
        (facts.may_use_auth, "usage on schema auth"),
        (facts.may_reference_users, "references on auth.users"),
        (facts.may_trigger_on_users, "trigger on auth.users"),
    )
    for is_granted, privilege in wanted:
        if not is_granted:
            yield f"grant {privilege} to {role};"
