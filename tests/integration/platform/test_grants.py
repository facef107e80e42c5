"""What is granted, what is closed, and what keeps it so."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from monitor.postgres.migration_files import load, shipped
from tests.integration.platform import privileges
from tests.platform import Connection, Platform


async def rows(connection: Connection, query: str) -> list[Any]:
    return await (await connection.execute(query.encode())).fetchall()


def policies_file() -> str:
    (found,) = [m for m in load(shipped("platform")) if m.version == "002"]
    return found.sql


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3-b", "S3-p8", "X3")
async def test_exactly_the_listed_privileges_are_granted(platform: Platform) -> None:
    async with platform.owner.transaction():
        granted = await privileges.granted(platform.owner)

    assert granted == privileges.expected()


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3-p8", "X3")
async def test_a_host_that_grants_everything_by_default_changes_nothing(
    platform_by_tenant: Platform,
) -> None:
    async with platform_by_tenant.owner.transaction():
        granted = await privileges.granted(platform_by_tenant.owner)

    assert granted == privileges.expected()


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3-a")
async def test_every_table_and_partition_has_row_level_security(
    platform: Platform,
) -> None:
    async with platform.owner.transaction():
        unprotected = await privileges.unprotected(platform.owner)

    assert unprotected == []


@pytest.mark.requirement("S3-a", "S3-b")
async def test_a_new_partition_is_closed(platform: Platform) -> None:
    await platform.owner.execute(
        "select app_private.create_partition("
        "'public.conversation_messages', '2031-05-01')"
    )

    async with platform.owner.transaction():
        unprotected = await privileges.unprotected(platform.owner)
        granted = await privileges.granted(platform.owner)

    assert unprotected == []
    assert granted == privileges.expected()


@pytest.mark.requirement("S3-b")
async def test_a_partition_is_out_of_reach(platform: Platform) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await platform.owner.execute("set local role authenticated")

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await platform.owner.execute(
                "select 1 from app_partitions.conversation_messages_default"
            )


@pytest.mark.requirement("S3-a")
async def test_no_table_forces_its_policies_on_its_owner(platform: Platform) -> None:
    forced = await rows(
        platform.owner,
        "select oid::regclass::text from pg_class"
        " where relforcerowsecurity and relnamespace = 'public'::regnamespace",
    )

    assert forced == []


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3-p8")
@pytest.mark.parametrize("schema", ["public", "app_private", "app_partitions"])
async def test_what_is_created_later_starts_closed(
    platform_by_tenant: Platform, schema: str
) -> None:
    owner = platform_by_tenant.owner
    function = "later() returns int language sql set search_path = '' as 'select 1'"
    async with owner.transaction(force_rollback=True):
        await owner.execute(f"create table {schema}.later (id int)".encode())
        await owner.execute(f"create sequence {schema}.later_numbers".encode())
        await owner.execute(f"create function {schema}.{function}".encode())
        granted = await privileges.granted(owner)

    added = set(granted) - set(privileges.expected())
    assert {line for line in added if not line.startswith("service_role:")} == set()
    assert not any("truncate" in line or "maintain" in line for line in added)


@pytest.mark.requirement("X2", "S3.2.2-a", "S3.1.4-a", "S3.1.2-a")
async def test_every_function_has_an_empty_search_path_and_no_plan_mode(
    platform: Platform,
) -> None:
    open_ones = await rows(
        platform.owner,
        """
        select p.oid::regprocedure::text
        from pg_proc as p
        where
            p.pronamespace in (
                'public'::regnamespace,
                'app_private'::regnamespace,
                'app_partitions'::regnamespace
            )
            -- A procedure that commits may set nothing; it qualifies its names.
            and p.prokind = 'f'
            and (
                p.proconfig is null
                or not p.proconfig && array['search_path=""', 'search_path=pg_catalog']
                or p.proconfig::text like '%plan_cache_mode%'
            )
        """,
    )

    assert open_ones == []


@pytest.mark.requirement("S3.1.1-a", "S3.1.2-a", "S3.1.4-a", "S3.2.2-a")
async def test_what_policies_call_is_stable(platform: Platform) -> None:
    volatile = await rows(
        platform.owner,
        """
        select distinct p.oid::regprocedure::text
        from pg_policy as o
        join pg_depend as d
            on d.classid = 'pg_policy'::regclass and d.objid = o.oid
        join pg_proc as p
            on d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
        where p.provolatile = 'v'
        """,
    )

    assert volatile == []


@pytest.mark.requirement("S3-p9")
async def test_every_view_in_reach_runs_with_its_readers_rights(
    platform: Platform,
) -> None:
    views = await rows(
        platform.owner,
        """
        select c.oid::regclass::text
        from pg_class as c
        where
            c.relkind = 'v'
            and c.relnamespace in ('public'::regnamespace, 'app_private'::regnamespace)
            and not coalesce(c.reloptions, '{}') && array['security_invoker=true']
            and (
                c.relnamespace = 'public'::regnamespace
                or has_table_privilege('authenticated', c.oid, 'select')
            )
        """,
    )

    assert views == []


@pytest.mark.requirement("S3-c", "S3.1.4-b")
async def test_a_table_has_one_policy_a_command(platform: Platform) -> None:
    several = await rows(
        platform.owner,
        """
        select polrelid::regclass::text, polcmd
        from pg_policy
        group by polrelid, polcmd
        having count(*) > 1 or bool_or(polcmd = '*')
        """,
    )
    others = await rows(
        platform.owner,
        """
        select polname from pg_policy
        where polroles <> array['authenticated'::regrole::oid] or not polpermissive
        """,
    )

    assert several == []
    assert others == []


def assertion() -> str:
    text = policies_file()
    return text[: text.index("-- Who is asking.")]


async def own_plainly(owner: Connection) -> None:
    """Give the tables to a role that is neither superuser nor above policies."""
    await owner.execute("create role plain_owner")
    for table in (
        "organizations",
        "user_profiles",
        "admin_permissions",
        "content_items",
        "content_assignments",
    ):
        statement = f"alter table public.{table} owner to plain_owner"
        await owner.execute(statement.encode())


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-c")
async def test_an_owner_who_is_subject_to_the_policies_is_refused(
    platform: Platform,
) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await own_plainly(platform.owner)
        await platform.owner.execute(
            "alter table public.user_profiles force row level security"
        )
        await platform.owner.execute("set local role plain_owner")

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is subject to"):
            await platform.owner.execute(assertion().encode())


@pytest.mark.requirement("S3.1.1-c")
async def test_a_plain_owner_of_tables_that_do_not_force_is_accepted(
    platform: Platform,
) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await own_plainly(platform.owner)
        await platform.owner.execute("set local role plain_owner")
        cursor = await platform.owner.execute(assertion().encode())

    assert cursor.statusmessage == "DO"


async def settings(admin: Connection, role: str) -> dict[str, str]:
    cursor = await admin.execute(
        "select unnest(setconfig) from pg_db_role_setting"
        " where setrole = %s::regrole and setdatabase = 0",
        [role],
    )
    return dict(entry.split("=") for (entry,) in await cursor.fetchall())


def time_limits() -> str:
    text = policies_file()
    start = text.index("-- Time limits of requests.")
    return text[start : text.index("notify pgrst")]


@pytest.mark.requirement("S3.2.2-b")
async def test_requests_have_time_limits(platform: Platform) -> None:
    limits = {
        role: await settings(platform.owner, role) for role in ("authenticated", "anon")
    }

    assert limits == {
        "authenticated": {"statement_timeout": "30s", "lock_timeout": "10s"},
        "anon": {"statement_timeout": "10s", "lock_timeout": "5s"},
    }


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.2.2-b")
@pytest.mark.parametrize(
    ("before", "after"),
    [("8s", "8s"), ("2500", "2500"), ("1min", "30s"), ("0", "30s"), ("30s", "30s")],
)
async def test_a_smaller_time_limit_stays(
    platform: Platform, before: str, after: str
) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await platform.owner.execute(
            f"alter role authenticated set statement_timeout = '{before}'".encode()
        )
        await platform.owner.execute(time_limits().encode())
        limits = await settings(platform.owner, "authenticated")

    assert limits["statement_timeout"] == after


@pytest.mark.requirement("S3.2.2-b")
async def test_whoever_may_not_alter_the_role_leaves_it(platform: Platform) -> None:
    async with platform.owner.transaction(force_rollback=True):
        await platform.owner.execute("alter role anon reset statement_timeout")
        await platform.owner.execute("create role bystander")
        await platform.owner.execute("set local role bystander")
        await platform.owner.execute(time_limits().encode())
        await platform.owner.execute("reset role")
        limits = await settings(platform.owner, "anon")

    assert limits == {"lock_timeout": "5s"}
