"""What the tests of schema `monitoring` share: sessions, catalogs as text, roles."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import sql

from monitor.model.target import Credentials
from monitor.postgres.install import Installed, install
from monitor.postgres.session import Purpose, Session

Admin = psycopg.AsyncConnection[Any]
PASSWORD = "only for tests"

# One line per object, column, constraint, trigger, privilege and comment.
_MANIFEST = """
select 'relation ' || c.oid::regclass || ' ' || c.relkind::text || ' '
    || coalesce(c.relacl::text, '-') || ' ' || c.relrowsecurity || ' '
    || pg_get_userbyid(c.relowner) || ' '
    || coalesce(obj_description(c.oid, 'pg_class'), '-')
    || case when c.relkind = 'v' then pg_get_viewdef(c.oid) else '' end
from pg_class as c
where c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
union all
select 'column ' || a.attrelid::regclass || '.' || a.attname || ' '
    || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
    || coalesce(pg_get_expr(d.adbin, d.adrelid), '-')
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
    and a.attnum > 0
union all
select 'constraint ' || k.conrelid::regclass || ' ' || k.conname || ' '
    || pg_get_constraintdef(k.oid)
from pg_constraint as k
where k.connamespace::regnamespace::text !~ '^(pg_|information_schema)'
union all
select 'function ' || p.oid::regprocedure || ' ' || coalesce(p.proacl::text, '-')
    || ' ' || coalesce(obj_description(p.oid, 'pg_proc'), '-')
    || ' ' || pg_get_functiondef(p.oid)
from pg_proc as p
where p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
union all
select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger as t
where not t.tgisinternal
union all
select 'schema ' || n.nspname || ' ' || coalesce(n.nspacl::text, '-')
from pg_namespace as n
where n.nspname !~ '^pg_'
order by 1
"""


@asynccontextmanager
async def session_to(
    conninfo: str, purpose: Purpose = Purpose.ACT
) -> AsyncGenerator[Session]:
    """Yield a session and close it."""
    session = await Session.open(
        Credentials(conninfo=conninfo), purpose=purpose, instance="test"
    )
    try:
        yield session
    finally:
        await session.close()


async def installed(conninfo: str) -> Installed:
    """Install schema monitoring."""
    async with session_to(conninfo) as session:
        return await install(session)


async def manifest(admin: Admin) -> list[str]:
    """Return everything in the database that is not the system's, as text."""
    return [line for (line,) in await (await admin.execute(_MANIFEST)).fetchall()]


async def rows(admin: Admin, query: Any, *parameters: object) -> list[Any]:
    """Return all rows of a query."""
    return list(await (await admin.execute(query, parameters or None)).fetchall())


async def scalar(admin: Admin, query: Any, *parameters: object) -> Any:
    """Return the first column of a query's only row."""
    found = await rows(admin, query, *parameters)
    return found[0][0] if found else None


async def ensure_role(admin: Admin, name: str, attributes: str = "") -> None:
    """Create a role unless it is there; roles outlive a test's database."""
    if not await scalar(admin, "select 1 from pg_roles where rolname = %s", name):
        await admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    if attributes:
        await admin.execute(f"alter role {name} {attributes}".encode())


async def give_password(admin: Admin, role: str) -> None:
    """Let a role log in with the tests' password."""
    await admin.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(role), sql.Literal(PASSWORD)
        )
    )
