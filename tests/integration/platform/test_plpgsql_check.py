"""Static analysis of every function, by the extension that Debian packages."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests.integration.postgres.schema import rows
from tests.platform import install

DEBIAN = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/plpgsql_check.control")

# A trigger's function is checked once for each table that it serves.
_FUNCTIONS = """
from pg_catalog.pg_proc as p
join pg_catalog.pg_language as l on l.oid = p.prolang
left join lateral (
    select distinct
        t.tgrelid as relid,
        t.tgoldtable as old_table,
        t.tgnewtable as new_table
    from pg_catalog.pg_trigger as t
    where t.tgfoid = p.oid and not t.tgisinternal and t.tgparentid = 0
) as t on p.prorettype = 'trigger'::regtype
where
    p.pronamespace in (
        'public'::regnamespace,
        'app_private'::regnamespace,
        'monitoring'::regnamespace
    )
    and l.lanname = 'plpgsql'
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_proc'::regclass
            and d.objid = p.oid
            and d.deptype = 'e'
    )
"""
_CHECKED = f"select count(*), count(*) filter (where t.relid is null) {_FUNCTIONS}"
_UNUSED = f"""
select p.oid::regprocedure::text {_FUNCTIONS}
and p.prorettype = 'trigger'::regtype and t.relid is null
"""
_FOUND = f"""
select
    f.function::text,
    c.message
from (
    select
        p.oid::regprocedure as function,
        coalesce(t.relid, 0) as relid,
        t.old_table as old_table,
        t.new_table as new_table
    {_FUNCTIONS}
    and (p.prorettype <> 'trigger'::regtype or t.relid is not null)
) as f
cross join lateral public.plpgsql_check_function_tb(
    f.function,
    f.relid,
    oldtable => f.old_table,
    newtable => f.new_table,
    fatal_errors => false,
    extra_warnings => true,
    performance_warnings => true,
    security_warnings => true
) as c
"""


_CANNOT_SEE = "The checker cannot see what a statement made at run time does: "
ACCEPTED = {
    (
        "apply_migration(text,text,text,text)",
        "text type variable is not sanitized",
    ): "It runs what its caller gives it, with the rights of the caller.",
    (
        "rollback_migration(text)",
        "text type variable is not sanitized",
    ): "It runs what only the owner can have recorded, with the rights of the caller.",
    (
        "app_private.move_rows(regclass,date)",
        "the expression is not SQL injection safe",
    ): _CANNOT_SEE + "format() quotes all its names and values.",
    (
        "app_private.move_rows(regclass,date)",
        "routine is marked as VOLATILE, should be STABLE",
    ): _CANNOT_SEE + "it moves rows.",
}
"""Function and message, and why it is meant. None is an error."""


@pytest.mark.requirement("X4")
@pytest.mark.skipif(not EXTENSION.exists(), reason="plpgsql_check is missing")
async def test_plpgsql_check_finds_nothing_in_the_platform() -> None:
    with ThrowawayServer(binaries=DEBIAN) as server:
        await install(server.conninfo(), "superuser")
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as connection:
            await connection.execute("create extension plpgsql_check schema public")
            found = await rows(connection, _FOUND.encode())
            unused = await rows(connection, _UNUSED.encode())
            checked = await rows(connection, _CHECKED.encode())

    assert checked[0][0] > 40
    assert unused == []
    assert set(found) == set(ACCEPTED)
