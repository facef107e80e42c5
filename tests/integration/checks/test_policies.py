"""Lints on policies, as the monitoring role, on a schema that has the fault."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]

SCHEMA = """
create schema auth;
create function auth.uid() returns integer stable language sql as 'select 1';
create function auth."Volatile helper"(a integer, b text default '')
    returns boolean volatile language sql as 'select true';
create table "Docs" (id integer, owner integer);
create table closed (id integer);
create table granted_to_nobody (id integer);
create table granted_to_root (id integer);
create table ajar (id integer);
alter table "Docs" enable row level security;
alter table closed enable row level security;
grant select on closed to public;
alter table granted_to_nobody enable row level security;
alter table granted_to_root enable row level security;
grant select on granted_to_root to postgres;
create policy bare on "Docs" using (owner = auth.uid());
create policy wrapped on "Docs" for select using (owner = (select auth.uid()));
create policy volatile on "Docs" for delete using (auth."Volatile helper"(id));
create policy unused on ajar using (true);
"""


@asynccontextmanager
async def court(reader: Credentials, admin: Admin) -> AsyncGenerator[Court]:
    await admin.execute(SCHEMA)
    async with bench(reader) as at:
        yield Court(at)


@pytest.mark.pg
async def test_a_bare_call_is_found_and_its_remedy_cures_it(
    reader: Credentials, admin: Admin
) -> None:
    async with court(reader, admin) as at:
        await at.read("catalog", "catalog_definitions")
        found = at.judge("call_not_wrapped")
        assert found[0].remedy is not None
        await admin.execute(found[0].remedy.sql.encode())
        await at.read("catalog", "catalog_definitions")

        cured = at.judge("call_not_wrapped")

    assert [f.object.name for f in found] == ["Docs.bare"]
    assert cured == ()


@pytest.mark.pg
async def test_a_volatile_function_is_found_and_its_remedy_cures_it(
    reader: Credentials, admin: Admin
) -> None:
    async with court(reader, admin) as at:
        found = await at.await_finding("policy_volatile_function", "lints")
        assert found[0].remedy is not None
        await admin.execute(found[0].remedy.sql.encode())
        await at.read("lints")

        cured = at.judge("policy_volatile_function")
        await admin.execute(found[0].remedy.undo.encode())
        await at.read("lints")
        undone = at.judge("policy_volatile_function")

    assert [f.object.name for f in found] == ["Docs.volatile"]
    assert found[0].summary == (
        'policy volatile on table public."Docs" calls VOLATILE auth."Volatile helper"()'
    )
    assert (cured, undone) == ((), found)


@pytest.mark.pg
@pytest.mark.parametrize(
    ("lint", "table", "severity"),
    [
        ("policy_without_rls", "ajar", Severity.CRITICAL),
        ("rls_without_policy", "closed", Severity.INFO),
    ],
)
async def test_switches_that_do_not_match_policies_are_found(
    reader: Credentials, admin: Admin, lint: str, table: str, severity: Severity
) -> None:
    async with court(reader, admin) as at:
        found = await at.await_finding(lint, "lints")

    assert [(f.object.name, f.severity) for f in found] == [(table, severity)]
    assert found[0].alert_severity is not Severity.CRITICAL
