"""Tables without row level security, told from those that are out of reach."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "rls_disabled_in_public"
OPEN = """
create table notes (id integer, body text);
grant select, insert on notes to authenticated;
grant select (id) on notes to anon;
create table "Events" (id integer) partition by range (id);
create table events_1 partition of "Events" for values from (1) to (2);
alter table "Events" enable row level security;
grant delete on events_1 to public;
"""
NEAR_MISSES = """
create table guarded (id integer);
alter table guarded enable row level security;
grant select on guarded to anon;
create table granted_to_nobody (id integer);
create table of_service (id integer);
grant select on of_service to service_role;
create table only_truncated (id integer);
grant truncate, references on only_truncated to anon;
create schema hidden;
grant usage on schema hidden to anon;
create table hidden.notes (id integer);
grant select on hidden.notes to anon;
create view a_view as select id from guarded;
grant select on a_view to anon;
"""


async def test_tables_without_policies_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "events_1",
            (
                "table public.events_1 has no row level security: "
                "anon may delete; authenticated may delete"
            ),
        ),
        (
            "notes",
            (
                "table public.notes has no row level security: "
                "anon may select; authenticated may insert, select"
            ),
        ),
    ]


async def test_tables_out_of_reach_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_a_schema_that_a_role_may_not_enter_exposes_nothing(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "revoke usage on schema public from public",
        "create table public.notes (id integer)",
        "grant select on public.notes to anon",
    )

    assert await objections(reader, LINT) == ()


async def test_the_remedy_hides_all_rows_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)
    found = await objections(reader, LINT)

    await apply(admin, found)
    cured = await objections(reader, LINT)
    await undo(admin, found)
    again = await objections(reader, LINT)

    assert cured == ()
    assert told(again) == told(found)
    assert {f.remedy.lock for f in found if f.remedy} == {"AccessExclusiveLock"}
