"""Views that show accounts, told from those that show them to nobody."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "auth_users_exposed"
SERVICE = """
create schema auth;
create table auth.users (id integer, email text);
create table auth.sessions (id integer);
create table profiles (id integer, name text);
"""
SHOWING = """
create view members as select id, email from auth.users;
grant select on members to authenticated;
create schema inner_part;
create view inner_part.people as select id from auth.users;
create view around as select id from inner_part.people;
grant select (id) on around to anon;
create materialized view "Kept" as select id from auth.users;
grant select on "Kept" to anon, authenticated;
"""
NEAR_MISSES = """
create view of_service as select id from auth.users;
grant select on of_service to service_role;
create view of_profiles as select id, name from profiles;
grant select on of_profiles to anon;
create view of_sessions as select id from auth.sessions;
grant select on of_sessions to anon;
create schema hidden;
grant usage on schema hidden to anon;
create view hidden.members as select id from auth.users;
grant select on hidden.members to anon;
create view powerless as select id from auth.users;
alter view powerless owner to anon;
grant select on powerless to authenticated;
"""


async def test_views_that_show_accounts_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, SHOWING)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "Kept",
            (
                'materialized view public."Kept" shows accounts of auth.users '
                "to anon and authenticated"
            ),
        ),
        ("around", "view public.around shows accounts of auth.users to anon"),
        (
            "members",
            "view public.members shows accounts of auth.users to authenticated",
        ),
    ]


async def test_views_that_show_no_accounts_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_nothing_is_found_where_there_are_no_accounts(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "create view members as select 1 as id",
        "grant select on members to anon",
    )

    assert await objections(reader, LINT) == ()


@pytest.mark.pg(">=15")
async def test_the_reader_s_own_rights_and_a_policy_cure_a_view(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        SERVICE,
        """
        create view mine with (security_invoker = true) as select id from auth.users;
        grant select on mine to anon, authenticated;
        grant select on auth.users to authenticated;
        """,
    )

    before = await objections(reader, LINT)
    await admin.execute("alter table auth.users enable row level security")
    afterwards = await objections(reader, LINT)

    assert [f.summary for f in before] == [
        "view public.mine shows accounts of auth.users to authenticated"
    ]
    assert afterwards == ()


async def test_the_remedy_closes_a_view_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, SHOWING)
    found = await objections(reader, LINT)

    await apply(admin, found)
    left = await objections(reader, LINT)
    await undo(admin, found)

    assert [f.object.name for f in left] == ["around"]
    assert told(await objections(reader, LINT)) == told(found)
