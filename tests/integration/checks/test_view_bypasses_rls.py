"""Views that show the API what policies hide, told from those that do not."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S3-p9")]

Admin = psycopg.AsyncConnection[TupleRow]

LINT = "view_bypasses_rls"
TABLES = """
create table notes (id integer, owner text);
insert into notes values (1, 'alice'), (2, 'bob');
alter table notes enable row level security;
create policy own on notes using (owner = 'alice');
grant select on notes to anon, authenticated, lint_plain_owner;
create table tags (id integer);
"""
BYPASSING = """
create view "All notes" as select id from notes;
grant select on "All notes" to authenticated;
create view within as select id from notes;
create view around as select id from within;
grant select (id) on around to anon;
create materialized view kept as select id from notes;
grant select on kept to anon;
"""
NEAR_MISSES = """
create view not_granted as select id from notes;
grant select on not_granted to service_role;
create view of_tags as select id from tags;
grant select on of_tags to anon;
create view of_plain_owner as select id from notes;
grant select on of_plain_owner to anon;
alter view of_plain_owner owner to lint_plain_owner;
create schema hidden;
create view hidden.unreachable as select id from notes;
grant select on hidden.unreachable to anon;
"""


async def prepare(admin: Admin, *schemas: str) -> None:
    await ensure_role(admin, "anon", "nologin")
    await ensure_role(admin, "authenticated", "nologin")
    await ensure_role(admin, "service_role", "nologin bypassrls")
    await ensure_role(admin, "lint_plain_owner", "nologin")
    for schema in (TABLES, *schemas):
        await admin.execute(schema.encode())


async def seen(admin: Admin, role: str, view: str) -> int:
    async with admin.transaction(force_rollback=True):
        await admin.execute(f"set local role {role}".encode())
        cursor = await admin.execute(f"select count(id) from {view}".encode())
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def test_views_that_bypass_policies_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, BYPASSING)

    async with bench(reader) as bench_:
        found = await Court(bench_).await_finding(LINT, "lints")

    assert [(f.object.type, f.severity, f.summary) for f in found] == [
        (
            "view",
            Severity.CRITICAL,
            'view public."All notes" shows roles of the API every row of public.notes',
        ),
        (
            "view",
            Severity.CRITICAL,
            "view public.around shows roles of the API every row of public.notes",
        ),
        (
            "materialized view",
            Severity.CRITICAL,
            (
                "materialized view public.kept shows roles of the API"
                " every row of public.notes"
            ),
        ),
    ]
    assert await seen(admin, "authenticated", '"All notes"') == 2
    assert await seen(admin, "anon", "around") == 2
    assert await seen(admin, "anon", "kept") == 2


async def test_views_that_show_nothing_hidden_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    async with bench(reader) as bench_:
        at = Court(bench_)
        await at.read("lints")
        found = at.judge(LINT)

    assert found == ()
    assert await seen(admin, "anon", "of_plain_owner") == 1


@pytest.mark.pg(">=15")
async def test_the_rights_of_the_reader_cure_a_view(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        """
        create view mine with (security_invoker = on) as select id from notes;
        create view yours as select id from notes;
        create view around_mine as select id from mine;
        create materialized view copy_of_mine as select id from mine;
        grant select on mine, yours, around_mine, copy_of_mine to anon;
        """,
    )

    async with bench(reader) as bench_:
        at = Court(bench_)
        found = await at.await_finding(LINT, "lints")
        before = [await seen(admin, "anon", f.object.name) for f in found]
        for finding in found:
            if finding.remedy is not None:
                await admin.execute(finding.remedy.sql.encode())
        afterwards = Court(bench_)
        await afterwards.read("lints")
        left = afterwards.judge(LINT)

    assert [f.object.name for f in found] == ["copy_of_mine", "yours"]
    assert before == [2, 2]
    assert [f.object.name for f in left] == ["copy_of_mine"]
    assert await seen(admin, "anon", "mine") == 1
    assert await seen(admin, "anon", "around_mine") == 1
    assert await seen(admin, "anon", "yours") == 1


@pytest.mark.pg("<15")
async def test_no_remedy_is_offered_that_the_server_does_not_know(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, BYPASSING)

    async with bench(reader) as bench_:
        found = await Court(bench_).await_finding(LINT, "lints")

    assert [f.remedy for f in found] == [None, None, None]
