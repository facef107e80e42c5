"""Functions that look names up by their caller's path, told from those that do not."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "function_search_path_mutable"
MUTABLE = """
create function plain() returns integer language sql as 'select 1';
create function "Other"(n integer) returns integer language plpgsql
set statement_timeout = '1s' as 'begin return n; end';
create function definer() returns integer language sql security definer
as 'select 1';
create procedure work() language plpgsql
as 'begin -- nothing to commit
    return; end';
"""
NEAR_MISSES = """
create function pinned() returns integer language sql
set search_path = '' as 'select 1';
create function pinned_elsewhere() returns integer language plpgsql
set search_path = public, pg_temp as 'begin return 1; end';
create aggregate total (integer) (sfunc = int4pl, stype = integer);
create schema auth;
create function auth.uid() returns integer language sql as 'select 1';
create function pg_temp.fleeting() returns integer language sql as 'select 1';
create extension fuzzystrmatch;
create procedure committing() language plpgsql as 'begin commit; end';
"""


async def test_functions_without_a_path_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, MUTABLE)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "Other(n integer)",
            'function public."Other"(n integer) has no search_path of its own',
        ),
        (
            "definer()",
            (
                "function public.definer() has no search_path of its own "
                "and runs with its owner's rights"
            ),
        ),
        ("plain()", "function public.plain() has no search_path of its own"),
        ("work()", "function public.work() has no search_path of its own"),
    ]


async def test_functions_with_a_path_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


@pytest.mark.pg(">=14")
async def test_a_body_whose_names_are_resolved_needs_no_path(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "create function resolved() returns integer begin atomic select 1; end",
        "create function resolved_too() returns integer return 1",
    )

    assert await objections(reader, LINT) == ()
