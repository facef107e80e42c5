"""What the audit log tells about a change."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.integration.platform.audited import create_audited, entries, last
from tests.integration.platform.rows import (
    add_child,
    add_item,
    refused,
    rows,
    scalar,
)
from tests.platform import Connection, Platform, acting_as, add_user

pytestmark = pytest.mark.pg(">=15")

PHONE = "+49 30 123456"
UNREADABLE = (
    ("{", "{"),
    ('{"sub": "nobody"}', '{"x-forwarded-for": "unknown"}'),
    ("[]", "[]"),
    ('"text"', '"text"'),
    ("null", "null"),
    ("{}", "{}"),
    ('{"sub": 5}', '{"x-forwarded-for": {"a": 1}}'),
    ('{"sub": "\\u0000"}', '{"x-forwarded-for": "\\u0000"}'),
    ("[" * 100_000, "[" * 100_000),
)
"""Claims and headers."""


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    return platform.owner


@pytest.mark.requirement("S5.2.1-a")
async def test_it_knows_four_operations_and_other_events_have_a_log_of_their_own(
    owner: Connection,
) -> None:
    labels = await scalar(
        owner, "select enum_range(null::public.audit_operation)::text[]"
    )
    await owner.execute("insert into monitoring.operations_log (event) values ('x')")

    assert labels == ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]
    assert await rows(
        owner,
        "select event, actor from monitoring.operations_log where event = 'x'",
    ) == [("x", owner.info.user)]


@pytest.mark.requirement("S5.2.1-f")
async def test_an_insert_tells_the_new_row_and_a_delete_the_old(
    owner: Connection,
) -> None:
    await create_audited(owner, "id bigint primary key, name text")

    await owner.execute("insert into public.things values (1, 'one')")
    await owner.execute("delete from public.things")

    inserted, deleted = await entries(owner, "things")
    row = {"id": 1, "name": "one"}
    assert (inserted.operation, inserted.old_values, inserted.new_values) == (
        "INSERT",
        None,
        row,
    )
    assert (deleted.operation, deleted.old_values, deleted.new_values) == (
        "DELETE",
        row,
        None,
    )
    assert (inserted.changed_fields, deleted.changed_fields) == (None, None)


@pytest.mark.requirement("S5.2.1-f")
async def test_an_update_tells_changed_columns_only(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key, name text, size integer")
    await owner.execute("insert into public.things values (1, 'one', 5)")

    await owner.execute("update public.things set size = 6, name = 'one'")

    entry = await last(owner, "things")
    assert (entry.changed_fields, entry.old_values, entry.new_values) == (
        ["size"],
        {"size": 5},
        {"size": 6},
    )


@pytest.mark.requirement("S5.2.1-f")
async def test_the_search_path_of_a_session_is_of_no_importance(
    owner: Connection,
) -> None:
    await create_audited(owner, "id bigint primary key")
    await owner.execute("create schema decoy")
    await owner.execute("create table decoy.audit_logs (id integer)")

    await owner.execute("set search_path = decoy")
    await owner.execute("insert into public.things values (1)")

    assert len(await entries(owner, "things")) == 1


@pytest.mark.requirement("S5.2.1-f")
async def test_a_user_who_cannot_write_the_log_is_audited(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")

    async with acting_as(owner, user):
        await owner.execute("update public.user_profiles set full_name = 'A'")

    entry = await last(owner, "user_profiles")
    assert (entry.user_id, entry.actor_role, entry.session_user_name) == (
        user,
        "authenticated",
        owner.info.user,
    )


@pytest.mark.requirement("S5.2.1-f")
@pytest.mark.parametrize(
    "statement",
    [
        "update public.things set name = name",
        "update public.things set name = 'one', derived = 'other'",
    ],
)
async def test_an_update_that_changes_nothing_of_interest_leaves_no_trace(
    owner: Connection, statement: LiteralString
) -> None:
    await create_audited(
        owner,
        "id bigint primary key, name text, derived text",
        ", excluded => '{derived}'",
    )
    await owner.execute("insert into public.things values (1, 'one', 'x')")

    await owner.execute(statement)

    assert [e.operation for e in await entries(owner, "things")] == ["INSERT"]


@pytest.mark.requirement("S5.2.1-f")
@pytest.mark.parametrize(
    "table", ["organizations", "user_profiles", "content_items", "content_assignments"]
)
async def test_touching_a_row_of_the_platform_leaves_no_trace(
    owner: Connection, table: LiteralString
) -> None:
    organization = await add_child(owner, "first")
    author = await add_user(
        owner, email="a@x.com", role="admin", organization=organization
    )
    item = await add_item(owner, author, organization=organization)
    await owner.execute(
        "insert into public.content_assignments"
        " (content_item_id, user_id, assigned_by, assignment_type)"
        " values (%s, %s, %s, 'required')",
        [item, author, author],
    )
    before = await entries(owner, table)

    cursor = await owner.execute(f"update public.{table} set created_at = created_at")

    assert (cursor.rowcount, await entries(owner, table)) == (1, before)


@pytest.mark.requirement("S5.2.1-f")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'1'", "'\"1\"'"),
        ("'{\"a\": null}'", "'{}'"),
        ("'true'", "'\"true\"'"),
    ],
)
async def test_values_are_compared_as_json_not_as_text(
    owner: Connection, before: LiteralString, after: LiteralString
) -> None:
    await create_audited(owner, "id bigint primary key, data jsonb")
    await owner.execute(f"insert into public.things values (1, {before})")

    await owner.execute(f"update public.things set data = {after}")

    entry = await last(owner, "things")
    assert (entry.changed_fields, entry.old_values, entry.new_values) == (
        ["data"],
        {"data": json.loads(before.strip("'"))},
        {"data": json.loads(after.strip("'"))},
    )


@pytest.mark.requirement("S5.2.1-f")
@pytest.mark.parametrize("kind", ["json", "jsonb"])
async def test_the_null_of_json_is_not_that_of_sql(
    owner: Connection, kind: LiteralString
) -> None:
    await create_audited(owner, f"id bigint primary key, data {kind}, note text")
    await owner.execute("insert into public.things values (1)")

    await owner.execute("update public.things set data = 'null'")
    await owner.execute("update public.things set data = null, note = 'n'")

    _, to_json, to_sql = await entries(owner, "things")
    assert (to_json.changed_fields, to_json.old_values, to_json.new_values) == (
        ["data"],
        {},
        {"data": None},
    )
    assert (to_sql.changed_fields, to_sql.old_values, to_sql.new_values) == (
        ["note", "data"],
        {"note": None, "data": None},
        {"note": "n"},
    )


@pytest.mark.requirement("S5.2.1-f")
async def test_a_status_update_of_a_long_document_takes_little_room(
    owner: Connection,
) -> None:
    author = await add_user(owner, email="a@x.com", role="content_creator")
    item = await add_item(owner, author)
    text = " ".join(f"word{number}" for number in range(20_000))
    await owner.execute(
        "update public.content_items set content_data = %s where id = %s",
        [json.dumps({"text": text}), item],
    )

    await owner.execute(
        "update public.content_items set status = 'review' where id = %s", [item]
    )

    size = await scalar(
        owner,
        "select pg_column_size(a.*) from public.audit_logs as a"
        " where a.record_id = %s and 'status' = any (a.changed_fields)",
        str(item),
    )
    entry = await last(owner, "content_items")
    assert entry.changed_fields == ["status", "updated_at"]
    assert size < 2048


@pytest.mark.requirement("S5.2.1-f")
async def test_an_excluded_column_appears_nowhere(owner: Connection) -> None:
    author = await add_user(owner, email="a@x.com", role="content_creator")
    await add_item(owner, author)

    await owner.execute("update public.content_items set title = 'Another'")
    await owner.execute("delete from public.content_items")

    found = await entries(owner, "content_items")
    assert [e.operation for e in found] == ["INSERT", "UPDATE", "DELETE"]
    assert all(
        "search_vector" not in (values or {})
        for e in found
        for values in (
            e.old_values,
            e.new_values,
            dict.fromkeys(e.changed_fields or ()),
        )
    )


@pytest.mark.requirement("S5.2.1-f")
async def test_a_column_whose_domain_refuses_null_can_be_excluded(
    owner: Connection,
) -> None:
    await owner.execute("create domain public.filled as text not null")
    await create_audited(
        owner, "id bigint primary key, d public.filled", ", excluded => '{d}'"
    )

    await owner.execute("insert into public.things values (1, 'x')")

    assert (await last(owner, "things")).new_values == {"id": 1}


@pytest.mark.requirement("S5.2.1-f")
async def test_a_redacted_column_is_named_but_not_shown(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")

    await owner.execute("update public.user_profiles set phone = %s", [PHONE])
    await owner.execute("delete from auth.users where id = %s", [user])

    created, updated, deleted = await entries(owner, "user_profiles")
    assert updated.changed_fields == ["phone", "updated_at"]
    assert [
        values and values["phone"]
        for values in (
            created.new_values,
            updated.old_values,
            updated.new_values,
            deleted.old_values,
        )
    ] == [None, None, "[redacted]", "[redacted]"]


@pytest.mark.requirement("S5.2.1-f")
async def test_tables_of_one_name_are_told_apart(owner: Connection) -> None:
    await owner.execute("create schema other")
    await owner.execute("create table other.organizations (id bigint primary key)")
    await owner.execute("select monitoring.enable_audit('other.organizations')")

    await owner.execute("insert into other.organizations values (1)")
    await add_child(owner, "first")

    assert [e.schema_name for e in await entries(owner, "organizations")] == [
        "other",
        "public",
    ]


@pytest.mark.requirement("S5.2.1-f")
async def test_emptying_a_table_is_one_entry(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key")
    await owner.execute("insert into public.things values (1), (2)")

    await owner.execute("truncate public.things")

    entry = await last(owner, "things")
    assert (entry.operation, entry.record_id, entry.old_values, entry.new_values) == (
        "TRUNCATE",
        None,
        None,
        None,
    )


@pytest.mark.requirement("S5.2.1-f")
async def test_a_partition_speaks_for_its_table(owner: Connection) -> None:
    await owner.execute(
        "create table public.things (id bigint primary key) partition by range (id)"
    )
    await owner.execute("create table public.part partition of public.things default")
    await owner.execute("select monitoring.enable_audit('public.things')")

    await owner.execute("insert into public.things values (1)")

    assert (await last(owner, "things")).record_id == "1"


@pytest.mark.requirement("S5.2.1-c")
@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        ("id bigint primary key, name text", "42, 'x'", "42"),
        ("name text primary key, size integer", "'a b', 1", "a b"),
        (
            "place text, name text, size integer, primary key (size, name)",
            "'p', 'n', 7",
            '{"name": "n", "size": 7}',
        ),
        ("name text, size integer", "'x', 1", None),
    ],
    ids=["bigint", "text", "composite", "none"],
)
async def test_a_row_is_named_by_its_key(
    owner: Connection,
    columns: LiteralString,
    row: LiteralString,
    expected: str | None,
) -> None:
    await create_audited(owner, columns)

    await owner.execute(f"insert into public.things values ({row})")
    await owner.execute("delete from public.things")

    found = await entries(owner, "things")
    assert [e.record_id for e in found] == [expected, expected]


@pytest.mark.requirement("S5.2.1-d")
async def test_entries_outlive_the_account(owner: Connection) -> None:
    user = await add_user(owner, email="a@x.com")
    async with acting_as(owner, user):
        await owner.execute("update public.user_profiles set full_name = 'A'")

    await owner.execute("delete from auth.users where id = %s", [user])

    found = await entries(owner, "user_profiles")
    assert [(e.operation, e.record_id, e.user_id) for e in found] == [
        ("INSERT", str(user), None),
        ("UPDATE", str(user), user),
        ("DELETE", str(user), None),
    ]


@pytest.mark.requirement("S5.2.1-d")
async def test_an_entry_names_role_session_and_transaction(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key")
    await owner.execute("grant insert on public.things to service_role")

    async with acting_as(owner, None, role="service_role"):
        await owner.execute("insert into public.things values (1)")
        txid = await scalar(owner, "select pg_current_xact_id()::text::bigint")

    entry = await last(owner, "things")
    assert (entry.actor_role, entry.session_user_name, entry.txid) == (
        "service_role",
        owner.info.user,
        txid,
    )


async def ask(
    owner: Connection, *, claims: str = "", headers: str = "", session: str = ""
) -> tuple[UUID | None, str | None, str | None, str | None]:
    """Write in a request with these settings; return what the log tells of it."""
    async with owner.transaction():
        await owner.execute(
            "select set_config('request.jwt.claims', %s, true),"
            " set_config('request.headers', %s, true),"
            " set_config('app.session_id', %s, true)",
            [claims, headers, session],
        )
        await owner.execute("insert into public.things default values")
    entry = await last(owner, "things")
    address = None if entry.ip_address is None else str(entry.ip_address)
    return entry.user_id, entry.session_id, address, entry.user_agent


@pytest.mark.requirement("S5.2.1-e")
async def test_a_request_tells_session_address_and_agent(owner: Connection) -> None:
    await create_audited(owner, "id bigint generated always as identity primary key")
    user = "3fa0b7b6-65b6-4a0f-8f9f-2f0d52d93c37"
    claims = json.dumps({"sub": user, "session_id": "of the token"})
    headers = json.dumps(
        {"x-forwarded-for": "203.0.113.9, 10.0.0.1", "user-agent": "Browser/1.0"}
    )

    by_token = await ask(owner, claims=claims, headers=headers)
    by_setting = await ask(owner, claims=claims, headers=headers, session="set")

    assert by_token == (UUID(user), "of the token", "203.0.113.9", "Browser/1.0")
    assert by_setting == (UUID(user), "set", "203.0.113.9", "Browser/1.0")


@pytest.mark.requirement("S5.2.1-e")
async def test_what_cannot_be_read_of_a_request_is_null(owner: Connection) -> None:
    await create_audited(owner, "id bigint generated always as identity primary key")

    told = {
        request: await ask(owner, claims=request[0], headers=request[1])
        for request in UNREADABLE
    }

    assert told == dict.fromkeys(UNREADABLE, (None,) * 4)


@pytest.mark.requirement("S5.2.1-e")
async def test_what_a_client_sends_is_cut(owner: Connection) -> None:
    await create_audited(owner, "id bigint generated always as identity primary key")

    _, session, _, agent = await ask(
        owner, headers=json.dumps({"user-agent": "x" * 5000}), session="y" * 5000
    )

    assert (session, agent) == ("y" * 200, "x" * 1000)


@pytest.mark.requirement("S5.2.1-e")
async def test_without_a_request_the_connection_tells(owner: Connection) -> None:
    await create_audited(owner, "id bigint generated always as identity primary key")
    await owner.execute("set application_name = 'a script'")

    _, session, address, agent = await ask(owner)

    client = await scalar(owner, "select host(inet_client_addr())")
    assert (session, address, agent) == (None, client, "a script")
    assert client is None or ip_address(client)


@pytest.mark.requirement("S5.2.1-f")
async def test_by_default_a_write_that_cannot_be_audited_fails(
    owner: Connection,
) -> None:
    await create_audited(owner, "id bigint primary key")
    await owner.execute(
        "alter table public.audit_logs add constraint never"
        " check (table_name <> 'things') not valid"
    )

    async with refused(owner, psycopg.errors.CheckViolation, "never"):
        await owner.execute("insert into public.things values (1)")
    await owner.execute("delete from app_private.audit_settings")
    async with refused(owner, psycopg.errors.CheckViolation, "never"):
        await owner.execute("insert into public.things values (1)")

    assert await scalar(owner, "select count(*) from public.things") == 0


@pytest.mark.requirement("S5.2.1-f")
async def test_if_told_so_it_passes_with_a_warning(owner: Connection) -> None:
    notices: list[str] = []
    owner.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    await create_audited(owner, "id bigint primary key")
    await owner.execute(
        "alter table public.audit_logs add constraint never"
        " check (table_name <> 'things') not valid"
    )

    await owner.execute("update app_private.audit_settings set on_error = 'warn'")
    await owner.execute("insert into public.things values (1)")

    warnings = [n for n in notices if n.startswith("could not audit")]
    assert await scalar(owner, "select count(*) from public.things") == 1
    assert len(warnings) == 1
    assert warnings[0].startswith('could not audit INSERT of "public.things": new row')


@pytest.mark.requirement("S5.2.1-f")
async def test_letting_writes_pass_is_audited_itself(owner: Connection) -> None:
    await owner.execute("update app_private.audit_settings set on_error = 'warn'")

    entry = await last(owner, "audit_settings")

    assert (entry.old_values, entry.new_values) == (
        {"on_error": "fail"},
        {"on_error": "warn"},
    )


@pytest.mark.requirement("S5.2.1-f")
async def test_a_request_cannot_let_its_writes_pass_unaudited(
    owner: Connection,
) -> None:
    user = await add_user(owner, email="a@x.com", role="super_admin")
    change = "update app_private.audit_settings set on_error = 'warn'"

    for role in ("anon", "authenticated", "service_role"):
        async with (
            refused(owner, psycopg.errors.InsufficientPrivilege),
            acting_as(owner, user, role=role),
        ):
            await owner.execute(change)

    setting = "select on_error from app_private.audit_settings"
    assert await scalar(owner, setting) == "fail"


@pytest.mark.requirement("S5.2.1-b", "S2.3.2-e")
async def test_there_are_partitions_from_last_month_to_three_ahead(
    owner: Connection,
) -> None:
    found = await rows(
        owner,
        """
        select c.relname
        from pg_inherits as i
        join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'public.audit_logs'::regclass
        """,
    )
    expected = await rows(
        owner,
        """
        select to_char(
            date_trunc('month', now() at time zone 'UTC') + n * interval '1 month',
            '"audit_logs_"YYYY_MM'
        )
        from generate_series(-1, 3) as n
        """,
    )

    assert {name for (name,) in found} == {
        "audit_logs_default",
        *(name for (name,) in expected),
    }


@pytest.mark.requirement("S5.2.1-b")
async def test_without_a_partition_for_the_month_the_write_succeeds(
    owner: Connection,
) -> None:
    await create_audited(owner, "id bigint primary key")
    this_month = await scalar(
        owner, "select to_char(now() at time zone 'UTC', '\"audit_logs_\"YYYY_MM')"
    )
    await owner.execute(
        sql.SQL("drop table app_partitions.{}").format(sql.Identifier(this_month))
    )

    await owner.execute("insert into public.things values (1)")

    assert await rows(
        owner,
        "select tableoid::regclass::text from public.audit_logs"
        " where table_name = 'things'",
    ) == [("app_partitions.audit_logs_default",)]


@pytest.mark.requirement("S2.3.2-d")
async def test_the_day_is_that_of_utc(owner: Connection) -> None:
    await create_audited(owner, "id bigint primary key, at timestamptz")
    await owner.execute("set timezone = 'Pacific/Auckland'")

    await owner.execute("insert into public.things values (1, '2026-01-01 00:00Z')")

    assert await rows(
        owner,
        "select created_date = (now() at time zone 'UTC')::date, new_values ->> 'at'"
        " from public.audit_logs where table_name = 'things'",
    ) == [(True, "2026-01-01T00:00:00+00:00")]


@pytest.mark.requirement("S2.3.2-d")
async def test_the_day_cannot_be_far_from_the_time(owner: Connection) -> None:
    async with refused(owner, psycopg.errors.CheckViolation, "chk_audit_created_date"):
        await owner.execute(
            "insert into public.audit_logs (table_name, operation, created_date)"
            " values ('x', 'INSERT', '2001-01-01')"
        )


@pytest.mark.requirement("S5.2.1-f")
async def test_concurrent_writers_do_not_wait_for_each_other(
    platform: Platform,
) -> None:
    await create_audited(
        platform.owner, "id bigint generated always as identity primary key"
    )

    async def write() -> None:
        async with (
            await psycopg.AsyncConnection.connect(platform.conninfo) as connection,
            connection.transaction(),
        ):
            await connection.execute("set local lock_timeout = '2s'")
            await connection.execute("insert into public.things default values")
            await started.wait()

    started = asyncio.Barrier(5)
    await asyncio.gather(*(write() for _ in range(5)))

    found = await entries(platform.owner, "things")
    assert sorted(e.record_id or "" for e in found) == ["1", "2", "3", "4", "5"]
    assert len({e.txid for e in found}) == 5
