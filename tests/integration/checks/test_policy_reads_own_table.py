"""Policies that recurse, told from those that only look as if they did."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S3.1.1-c")]

Admin = psycopg.AsyncConnection[TupleRow]

LINT = "policy_reads_own_table"
RECURSIVE = """
create table profiles (id integer, role text);
create policy admins on profiles to authenticated
using (exists (select from profiles as p where p.role = 'admin'));
create policy own on profiles to authenticated using (id = 1);

create table "Teams" (id integer);
create table members (team integer);
create policy mine on "Teams" using (exists (select from members where team = id));
create policy shared on members for select to authenticated
using (exists (select from "Teams" as t where t.id = team));

create table notes (id integer, owner integer);
create policy reading on notes for select using (owner = (select 1));
create policy writing on notes for insert to authenticated
with check (exists (select from notes as n where n.owner = 1));
"""
SOUND = """
create table organizations (id integer, owner integer);
create table documents (organization integer);
create policy own on organizations using (owner = (select 1));
create policy inherited on documents
using (exists (select from organizations as o where o.id = organization));

create table staff (id integer, role text);
create function is_admin() returns boolean stable security definer
language sql set search_path = ''
as $$ select exists (select from public.staff where role = 'admin') $$;
create policy admins on staff using ((select public.is_admin()));

create table entries (id integer, owner integer);
create policy reading on entries for select using (owner = 1);
create policy writing on entries for insert
with check (exists (select from entries as e where e.owner = 1));

create table rooms (id integer);
create table guests (room integer);
create policy hers on rooms to anon
using (exists (select from guests where room = id));
create policy his on guests to authenticated
using (exists (select from rooms as r where r.id = room));

create table audits (id integer);
create policy machine on audits to service_role
using (exists (select from audits as a where a.id = 1));
"""
SWITCHED_OFF = """
create table ajar (id integer);
create policy own on ajar using (exists (select from ajar as a where a.id = 1));
"""
ENABLE = """
do $$
declare
    t regclass;
begin
    for t in
        select oid from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
            and relname <> 'ajar'
    loop
        execute format('alter table %s enable row level security', t);
        execute format('grant select, insert, update, delete on %s to public', t);
    end loop;
end
$$
"""


async def prepare(admin: Admin, *schemas: str) -> None:
    await ensure_role(admin, "anon", "nologin")
    await ensure_role(admin, "authenticated", "nologin")
    await ensure_role(admin, "service_role", "nologin bypassrls")
    for schema in schemas:
        await admin.execute(schema.encode())
    await admin.execute(ENABLE)


async def outcome(admin: Admin, role: str, statement: str) -> str:
    """Return the SQLSTATE a role gets for a statement, empty for none."""
    try:
        async with admin.transaction(force_rollback=True):
            await admin.execute(
                sql.SQL("set local role {}").format(sql.Identifier(role))
            )
            await admin.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate or "unknown"
    return ""


async def test_policies_that_recurse_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, RECURSIVE)

    async with bench(reader) as bench_:
        found = await Court(bench_).await_finding(LINT, "lints")

    assert [(f.object.name, f.severity, f.summary) for f in found] == [
        (
            "Teams.mine",
            Severity.CRITICAL,
            (
                'policy mine on table public."Teams" reads its own table'
                " through the policies of public.members"
            ),
        ),
        (
            "members.shared",
            Severity.CRITICAL,
            (
                "policy shared on table public.members reads its own table"
                ' through the policies of public."Teams"'
            ),
        ),
        (
            "notes.writing",
            Severity.CRITICAL,
            "policy writing on table public.notes reads its own table",
        ),
        (
            "profiles.admins",
            Severity.CRITICAL,
            "policy admins on table public.profiles reads its own table",
        ),
    ]


async def test_policies_that_only_look_alike_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SOUND, SWITCHED_OFF)

    async with bench(reader) as bench_:
        at = Court(bench_)
        await at.read("lints")
        found = at.judge(LINT)

    assert found == ()


@pytest.mark.parametrize(
    "statement",
    [
        "select from profiles",
        'select from "Teams"',
        "select from members",
        "insert into notes values (1, 1)",
    ],
)
async def test_the_server_refuses_what_is_found(admin: Admin, statement: str) -> None:
    await prepare(admin, RECURSIVE)

    assert await outcome(admin, "authenticated", statement) == "42P17"


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("authenticated", "select from documents"),
        ("authenticated", "select from staff"),
        ("anon", "select from rooms"),
        ("authenticated", "select from guests"),
        ("service_role", "select from audits"),
    ],
)
async def test_the_server_accepts_what_is_not_found(
    admin: Admin, role: str, statement: str
) -> None:
    await prepare(admin, SOUND)

    assert await outcome(admin, role, statement) == ""


async def test_the_server_checks_a_row_by_a_table_whose_reading_policy_is_plain(
    admin: Admin,
) -> None:
    await prepare(admin, SOUND)
    await admin.execute("insert into entries values (1, 1)")

    assert await outcome(admin, "anon", "insert into entries values (2, 2)") == ""
