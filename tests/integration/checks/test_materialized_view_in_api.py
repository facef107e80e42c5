"""Materialized views that the API may read, told from those it may not."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "materialized_view_in_api"
OPEN = """
create materialized view kept as select 1 as id;
grant select on kept to anon;
create materialized view "For all" as select 1 as id;
grant select on "For all" to public;
"""
NEAR_MISSES = """
create materialized view of_service as select 1 as id;
grant select on of_service to service_role;
create view plain as select 1 as id;
grant select on plain to anon;
create schema hidden;
grant usage on schema hidden to anon;
create materialized view hidden.kept as select 1 as id;
grant select on hidden.kept to anon;
"""


async def test_materialized_views_in_reach_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "For all",
            (
                'materialized view public."For all" shows all of its rows '
                "to anon and authenticated"
            ),
        ),
        ("kept", "materialized view public.kept shows all of its rows to anon"),
    ]


async def test_materialized_views_out_of_reach_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_closes_a_materialized_view_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OPEN)
    found = await objections(reader, LINT)

    await apply(admin, found)
    cured = await objections(reader, LINT)
    await undo(admin, found)

    assert cured == ()
    assert told(await objections(reader, LINT)) == told(found)
