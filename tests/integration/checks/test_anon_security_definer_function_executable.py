"""Functions with their owner's rights that anon may call, told from others."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "anon_security_definer_function_executable"
OPEN = """
create function "Counted"(of text) returns integer
language sql security definer set search_path = '' as 'select 1';
create procedure work() language sql security definer set search_path = ''
as 'select 1';
revoke execute on procedure work() from public;
grant execute on procedure work() to anon;
"""
NEAR_MISSES = """
create function by_caller() returns integer language sql as 'select 1';
create function by_trigger() returns trigger language plpgsql security definer
as 'begin return new; end';
create function revoked() returns integer language sql security definer
as 'select 1';
revoke execute on function revoked() from public;
grant execute on function revoked() to authenticated, service_role;
create function own() returns integer language sql security definer
as 'select 1';
alter function own() owner to anon;
revoke execute on function own() from public;
grant execute on function own() to anon;
create schema hidden;
grant usage on schema hidden to public;
create function hidden.counted() returns integer language sql security definer
as 'select 1';
"""


async def test_functions_that_the_api_may_call_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "Counted(of text)",
            (
                'function public."Counted"(of text) runs with the rights of postgres '
                "and may be called by anon"
            ),
        ),
        (
            "work()",
            (
                "function public.work() runs with the rights of postgres "
                "and may be called by anon"
            ),
        ),
    ]


async def test_functions_that_give_no_rights_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_forbids_the_call_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)
    found = await objections(reader, LINT)

    await apply(admin, found)
    cured = await objections(reader, LINT)
    await undo(admin, found)

    assert cured == ()
    assert told(await objections(reader, LINT)) == told(found)
