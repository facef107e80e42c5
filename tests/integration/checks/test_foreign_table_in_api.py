"""Foreign tables that the API may read, told from those it may not."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "foreign_table_in_api"
# Neither a handler nor another server is needed to be listed.
SERVER = """
create foreign data wrapper lint_wrapper;
create server elsewhere foreign data wrapper lint_wrapper;
"""
OPEN = """
create foreign table "Orders" (id integer) server elsewhere;
grant select on "Orders" to authenticated;
create foreign table in_part (id integer, price numeric) server elsewhere;
grant select (id) on in_part to anon;
"""
NEAR_MISSES = """
create foreign table of_service (id integer) server elsewhere;
grant select on of_service to service_role;
create foreign table written (id integer) server elsewhere;
grant insert on written to anon;
create table plain (id integer);
grant select on plain to anon;
create schema hidden;
grant usage on schema hidden to anon;
create foreign table hidden.orders (id integer) server elsewhere;
grant select on hidden.orders to anon;
"""


async def test_foreign_tables_in_reach_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVER, OPEN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "Orders",
            'foreign table public."Orders" shows all of its rows to authenticated',
        ),
        ("in_part", "foreign table public.in_part shows all of its rows to anon"),
    ]


async def test_foreign_tables_out_of_reach_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVER, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_closes_what_was_granted_as_a_whole(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVER, OPEN)
    found = await objections(reader, LINT)

    await apply(admin, found)
    left = await objections(reader, LINT)
    await undo(admin, found)

    assert [f.object.name for f in left] == ["in_part"]
    assert told(await objections(reader, LINT)) == told(found)
