"""Privileges of the API's roles that row level security does not hold back."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S3-p8")]

Admin = psycopg.AsyncConnection[TupleRow]

LINT = "api_role_may_truncate"
SCHEMA = """
create table "Notes" (id integer);
grant select, truncate, trigger on "Notes" to anon;
grant truncate on "Notes" to authenticated with grant option;
create table open_to_all (id integer) partition by range (id);
grant references on open_to_all to public;
"""
NEAR_MISSES = """
create table served (id integer);
grant select, insert, update, delete on served to anon, authenticated;
grant all on served to service_role;
create schema hidden;
create table hidden.kept (id integer);
grant all on hidden.kept to anon, public;
create view seen as select 1 as id;
grant all on seen to anon;
grant all on pg_stat_statements to anon;
create table of_extension (id integer);
grant all on of_extension to anon;
alter extension pg_stat_statements add table of_extension;
"""


async def prepare(admin: Admin, schema: str) -> None:
    await ensure_role(admin, "anon", "nologin")
    await ensure_role(admin, "authenticated", "nologin")
    await ensure_role(admin, "service_role", "nologin bypassrls")
    await admin.execute("grant usage on schema public to public")
    await admin.execute(schema.encode())


async def test_privileges_beyond_policies_are_found_and_revoked(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SCHEMA)

    async with bench(reader) as bench_:
        at = Court(bench_)
        found = await at.await_finding(LINT, "lints")
        for finding in found:
            assert finding.remedy is not None
            await admin.execute(finding.remedy.sql.encode())
        afterwards = Court(bench_)
        await afterwards.read("lints")
        cured = afterwards.judge(LINT)

    assert [(f.severity, f.summary) for f in found] == [
        (
            Severity.WARNING,
            (
                'table public."Notes": anon may TRIGGER, TRUNCATE;'
                " authenticated may TRUNCATE"
            ),
        ),
        (Severity.WARNING, "table public.open_to_all: public may REFERENCES"),
    ]
    assert cured == ()


@pytest.mark.pg(">=17")
async def test_the_right_to_maintain_is_found_where_the_server_knows_it(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "create table notes (id integer); grant maintain on notes to authenticated",
    )

    async with bench(reader) as bench_:
        found = await Court(bench_).await_finding(LINT, "lints")

    assert [f.summary for f in found] == [
        "table public.notes: authenticated may MAINTAIN"
    ]


async def test_what_the_api_needs_or_cannot_reach_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    async with bench(reader) as bench_:
        at = Court(bench_)
        await at.read("lints")
        found = at.judge(LINT)

    assert found == ()
