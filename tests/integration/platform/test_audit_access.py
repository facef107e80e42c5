"""The audit log: which tables it covers, who reads it, and that it only grows."""

from __future__ import annotations

from itertools import product
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from monitor.errors import MigrationError
from monitor.postgres.migrate import Migrator
from tests.integration.platform.audited import create_audited, entries, last
from tests.integration.platform.rows import add_child, refused, rows, scalar
from tests.platform import (
    API_ROLES,
    Connection,
    Platform,
    acting_as,
    add_user,
    session_to,
)

pytestmark = pytest.mark.pg(">=15")

AUDITED = {
    "admin_permissions",
    "audit_settings",
    "content_assignments",
    "content_items",
    "organizations",
    "user_profiles",
}
PARTS: tuple[LiteralString, ...] = (
    "public.audit_logs",
    "app_partitions.audit_logs_default",
)
CHANGES: dict[str, LiteralString] = {
    "insert": "insert into {} (table_name, operation) values ('x', 'INSERT')",
    "update": "update {} set table_name = 'x'",
    "delete": "delete from {}",
    "truncate": "truncate {}",
}

REFUSED: dict[LiteralString, str] = {
    "'public.things', '{b}'": "42703",
    "'public.things', redacted => '{b}'": "42703",
    "'public.things', '{id}'": "22023",
    "'public.things', redacted => '{id}'": "22023",
    "'public.seen'": "42809",
    "'public.audit_logs'": "42809",
    "'app_partitions.audit_logs_default'": "42809",
    "1::oid": "42P01",
}
"""Arguments of enable_audit() and the error they give."""
READERS = (
    ("super_admin", None, True),
    ("user", ("system", "read", "all"), True),
    ("user", ("system", "manage", "all"), True),
    ("admin", None, False),
    ("user", ("system", "read", "organization"), False),
    ("user", ("users", "read", "all"), False),
    ("user", None, False),
)
"""Role, permission, and whether they open the log."""


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


async def audit_triggers(connection: Connection, table: str) -> list[tuple[str, str]]:
    """Return name and definition of the audit's triggers on a table of any schema."""
    cursor = await connection.execute(
        """
        select
            t.tgname,
            pg_get_triggerdef(t.oid)
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        where
            c.relname = %s
            and t.tgfoid = 'public.audit_trigger_function()'::regprocedure
        order by t.tgname
        """,
        [table],
    )
    return await cursor.fetchall()


async def leave_a_row(owner: Connection) -> None:
    """Write one audit row into the default partition."""
    await owner.execute(
        "insert into public.audit_logs (table_name, operation, created_at,"
        " created_date) values ('old', 'INSERT', '2001-02-03', '2001-02-03')"
    )


@pytest.mark.requirement("S5.2.1-g", "S2.1.2-e")
async def test_the_tables_that_give_rights_or_hold_content_are_audited(
    owner: Connection,
) -> None:
    found = await rows(
        owner,
        """
        select
            c.relname,
            t.tgname
        from pg_trigger as t
        join pg_class as c on c.oid = t.tgrelid
        where t.tgfoid = 'public.audit_trigger_function()'::regprocedure
        """,
    )

    expected = {(name, f"audit_{name}") for name in AUDITED}
    expected |= {(name, f"audit_truncate_{name}") for name in AUDITED}
    assert set(found) == expected


@pytest.mark.requirement("S5.2.1-g")
async def test_their_triggers_see_every_row_after_every_change(
    owner: Connection,
) -> None:
    (_, by_statement), (name, by_row) = await audit_triggers(owner, "user_profiles")

    assert name == "audit_user_profiles"
    assert (
        "AFTER INSERT OR DELETE OR UPDATE ON public.user_profiles FOR EACH ROW"
        in by_row
    )
    assert "('{id}', '{}', '{phone}', '{}', '{preferences}')" in by_row
    assert "AFTER TRUNCATE ON public.user_profiles FOR EACH STATEMENT" in by_statement


@pytest.mark.requirement("S5.2.1-g")
async def test_auditing_a_table_again_replaces_what_is_hidden(
    owner: Connection,
) -> None:
    await create_audited(owner, "id bigint primary key, a text, b text")

    await owner.execute(
        "select monitoring.enable_audit('public.things', redacted => '{b}')"
    )
    await owner.execute("insert into public.things values (1, 'a', 'b')")

    assert len(await audit_triggers(owner, "things")) == 2
    assert [e.new_values for e in await entries(owner, "things")] == [
        {"id": 1, "a": "a", "b": "[redacted]"}
    ]


@pytest.mark.requirement("S5.2.1-g")
async def test_a_renamed_table_is_audited_once(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key")
    await owner.execute("alter table public.things rename to others")

    await owner.execute("select monitoring.enable_audit('public.others')")
    await owner.execute("insert into public.others values (1)")

    assert [name for name, _ in await audit_triggers(owner, "others")] == [
        "audit_others",
        "audit_truncate_others",
    ]
    assert len(await entries(owner, "others")) == 1


@pytest.mark.requirement("S5.2.1-g")
async def test_a_name_of_full_length_can_be_audited(owner: Connection) -> None:
    name = "t" * 63
    await owner.execute(
        sql.SQL("create table public.{} (id bigint)").format(sql.Identifier(name))
    )

    for _ in range(2):
        await owner.execute("select monitoring.enable_audit(%s::regclass)", [name])

    assert len(await audit_triggers(owner, name)) == 2


@pytest.mark.requirement("S5.2.1-g")
async def test_auditing_ends_on_request(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key")

    for _ in range(2):
        await owner.execute("select monitoring.disable_audit('public.things')")
    await owner.execute("insert into public.things values (1)")

    assert await audit_triggers(owner, "things") == []
    assert await entries(owner, "things") == []


@pytest.mark.requirement("S5.2.1-g", "S5.2.1-a")
async def test_beginning_and_end_of_auditing_are_on_record(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key, a text", ", redacted => '{a}'")
    for _ in range(2):
        await owner.execute("select monitoring.disable_audit('public.things')")

    assert await rows(
        owner,
        "select event, details from monitoring.operations_log"
        " where details ->> 'table' = 'public.things' order by id",
    ) == [
        (
            "audit_enabled",
            {"table": "public.things", "excluded": [], "redacted": ["a"]},
        ),
        ("audit_disabled", {"table": "public.things"}),
    ]


@pytest.mark.requirement("S5.2.1-g")
async def test_what_cannot_be_audited_is_refused(owner: Connection) -> None:
    await owner.execute("create table public.things (id bigint primary key, a text)")
    await owner.execute("create view public.seen as select id from public.things")

    states: dict[str, str | None] = {}
    for call in REFUSED:
        async with refused(owner, psycopg.Error) as raised:
            await owner.execute(f"select monitoring.enable_audit({call})")
        states[call] = raised.value.sqlstate

    assert states == REFUSED
    assert await audit_triggers(owner, "things") == []


@pytest.mark.requirement("S5.2.1-f", "S5.2.1-h")
@pytest.mark.parametrize("role", API_ROLES)
async def test_a_request_can_execute_nothing_of_the_audit(
    owner: Connection, role: str
) -> None:
    found = await rows(
        owner,
        """
        select p.oid::regprocedure::text
        from pg_proc as p
        where
            (
                p.proname ~ 'audit'
                or p.proname in ('json_or_null', 'inet_or_null')
            )
            and p.pronamespace in (
                'public'::regnamespace,
                'app_private'::regnamespace,
                'monitoring'::regnamespace
            )
            and has_function_privilege(%s, p.oid, 'execute')
        """,
        role,
    )

    assert found == []


@pytest.mark.requirement("S5.2.1-h", "S3-p6")
async def test_no_request_changes_the_log(
    platform: Platform, platform_by_tenant: Platform
) -> None:
    for owner in (platform.owner, platform_by_tenant.owner):
        user = await add_user(owner, email="a@x.com", role="super_admin")
        await leave_a_row(owner)

        for role, part, change in product(API_ROLES, PARTS, CHANGES.values()):
            async with (
                refused(owner, psycopg.errors.InsufficientPrivilege),
                acting_as(owner, user, role=role),
            ):
                await owner.execute(change.format(part))

        assert len(await entries(owner, "old")) == 1


@pytest.mark.requirement("S5.2.1-h")
async def test_not_even_the_owner_changes_the_log(owner: Connection) -> None:
    await leave_a_row(owner)

    messages: list[str | None] = []
    for part, command in product(PARTS, ("update", "delete", "truncate")):
        async with refused(owner, psycopg.errors.InsufficientPrivilege) as raised:
            await owner.execute(CHANGES[command].format(part))
        messages.append(raised.value.diag.message_primary)

    assert messages == 2 * [
        "cannot update rows of the audit log",
        "cannot delete rows of the audit log",
        "cannot truncate rows of the audit log",
    ]
    assert len(await entries(owner, "old")) == 1


@pytest.mark.requirement("S5.2.1-h")
async def test_the_owner_may_within_a_transaction_that_says_so(
    platform: Platform, platform_by_tenant: Platform
) -> None:
    for owner, command in product(
        (platform.owner, platform_by_tenant.owner), ("update", "delete", "truncate")
    ):
        await leave_a_row(owner)

        async with owner.transaction():
            await owner.execute("select app_private.begin_audit_maintenance()")
            await owner.execute(CHANGES[command].format(PARTS[1]))

        assert await entries(owner, "old") == []


@pytest.mark.requirement("S5.2.1-h")
async def test_the_permission_ends_with_its_transaction(owner: Connection) -> None:
    await leave_a_row(owner)
    async with owner.transaction():
        await owner.execute("select app_private.begin_audit_maintenance()")
        await owner.execute(
            "select set_config('pgvigil.audit_maintenance',"
            " current_setting('pgvigil.audit_maintenance'), false)"
        )

    async with refused(owner, psycopg.errors.InsufficientPrivilege):
        await owner.execute("delete from public.audit_logs")
    await owner.execute("set pgvigil.audit_maintenance = 'on'")
    async with refused(owner, psycopg.errors.InsufficientPrivilege):
        await owner.execute("delete from public.audit_logs")

    assert len(await entries(owner, "old")) == 1


@pytest.mark.requirement("S5.2.1-h")
@pytest.mark.parametrize("role", API_ROLES)
async def test_a_request_gains_nothing_from_the_setting(
    owner: Connection, role: str
) -> None:
    await leave_a_row(owner)
    # Not even if someone grants what nobody should.
    await owner.execute("grant select, delete on public.audit_logs to public")
    await owner.execute(
        "create policy careless on public.audit_logs for all to public using (true)"
    )
    await owner.execute("grant execute on function pg_current_xact_id() to public")

    async with (
        refused(owner, psycopg.errors.InsufficientPrivilege) as raised,
        acting_as(owner, None, role=role),
    ):
        await owner.execute(
            "select set_config('pgvigil.audit_maintenance',"
            " pg_current_xact_id()::text, true)"
        )
        await owner.execute("delete from public.audit_logs")

    assert raised.value.diag.message_primary == "cannot delete rows of the audit log"


@pytest.mark.requirement("S5.2.1-h")
async def test_a_new_partition_is_closed_and_guarded(owner: Connection) -> None:
    await owner.execute(
        "select app_private.create_partition('public.audit_logs', '2001-02-01')"
    )
    await leave_a_row(owner)

    for command in ("delete", "truncate"):
        async with refused(owner, psycopg.errors.InsufficientPrivilege):
            await owner.execute(
                CHANGES[command].format("app_partitions.audit_logs_2001_02")
            )
    is_secured = await scalar(
        owner,
        "select relrowsecurity from pg_class where relname = 'audit_logs_2001_02'",
    )
    grants = await rows(
        owner,
        "select distinct grantee from information_schema.table_privileges"
        " where table_name = 'audit_logs_2001_02'",
    )

    assert is_secured
    assert grants == [(owner.info.user,)]


@pytest.mark.requirement("S5.2.1-h")
async def test_an_old_month_goes_as_a_whole_partition(owner: Connection) -> None:
    await owner.execute(
        "select app_private.create_partition('public.audit_logs', '2001-02-01')"
    )
    await leave_a_row(owner)

    await owner.execute("drop table app_partitions.audit_logs_2001_02")

    assert await entries(owner, "old") == []


@pytest.mark.requirement("S3-p6")
async def test_super_admins_and_readers_of_the_system_see_the_log(
    owner: Connection,
) -> None:
    organization = await add_child(owner, "first")
    seen: list[bool] = []
    for role, permission, _ in READERS:
        async with owner.transaction(force_rollback=True):
            user = await add_user(
                owner, email="a@x.com", role=role, organization=organization
            )
            if permission is not None:
                await owner.execute(
                    "insert into public.admin_permissions"
                    " (user_id, resource, action, scope) values (%s, %s, %s, %s)",
                    [user, *permission],
                )
            everything = await scalar(owner, "select count(*) from public.audit_logs")
            async with acting_as(owner, user):
                found = await scalar(owner, "select count(*) from public.audit_logs")
            assert found in {0, everything}
            seen.append(found > 0)

    assert seen == [sees for _, _, sees in READERS]


@pytest.mark.requirement("S3-p6")
async def test_a_deactivated_super_admin_sees_nothing(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com", role="super_admin", active=False)

    async with acting_as(owner, user):
        seen = await scalar(owner, "select count(*) from public.audit_logs")

    assert seen == 0


@pytest.mark.requirement("S3-p6")
@pytest.mark.parametrize("role", ["anon", "service_role"])
async def test_other_api_roles_cannot_read_the_log(
    owner: Connection, role: str
) -> None:
    async with (
        refused(owner, psycopg.errors.InsufficientPrivilege),
        acting_as(owner, None, role=role),
    ):
        await owner.execute("select id from public.audit_logs")


@pytest.mark.requirement("S3-p6")
async def test_its_policy_is_looked_up_in_an_index(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")

    async with acting_as(owner, user):
        await owner.execute("set local enable_seqscan = off")
        plan = await rows(owner, "explain (costs off) select id from public.audit_logs")

    lines = [line.strip() for (line,) in plan]
    assert any(line.startswith("Index Cond: ((id >= ") for line in lines)
    assert not any(line.startswith("Filter:") for line in lines)


@pytest.mark.requirement("S5.2.1-b")
async def test_its_indexes_lead_with_the_schema(owner: Connection) -> None:
    found = await rows(
        owner,
        """
        select
            i.indexrelid::regclass::text,
            regexp_replace(pg_get_indexdef(i.indexrelid), '.*USING btree ', '')
        from pg_index as i
        where i.indrelid = 'public.audit_logs'::regclass
        """,
    )

    assert dict(found) == {
        "audit_logs_pkey": "(id, created_date)",
        "idx_audit_logs_table": "(schema_name, table_name, created_date)",
        "idx_audit_logs_user": "(user_id, created_date)",
        "idx_audit_logs_record": "(schema_name, table_name, record_id)",
    }


@pytest.mark.requirement("S5.2.1-g")
async def test_it_is_taken_back_with_all_its_triggers(platform: Platform) -> None:
    await create_audited(platform.owner, "id bigint primary key")
    async with session_to(platform.conninfo) as session:
        migrator = Migrator(session, "platform")

        await migrator.down("003", confirm=True)
        await platform.owner.execute("insert into public.things values (1)")
        left = await rows(
            platform.owner,
            """
            select c.oid::regclass::text
            from pg_class as c
            where c.relname ~ 'audit'
            union all
            select p.oid::regprocedure::text
            from pg_proc as p
            where p.proname ~ 'audit'
            """,
        )
        await migrator.up()

    await add_child(platform.owner, "first")
    assert left == []
    assert (await last(platform.owner, "organizations")).operation == "INSERT"


@pytest.mark.requirement("S5.2.1-a")
async def test_a_type_with_other_labels_is_refused(platform: Platform) -> None:
    async with session_to(platform.conninfo) as session:
        migrator = Migrator(session, "platform")
        await migrator.down("003", confirm=True)
        await platform.owner.execute(
            "create type public.audit_operation as enum ('INSERT')"
        )

        with pytest.raises(MigrationError) as raised:
            await migrator.up()

    assert "exists with other labels" in str(raised.value)
