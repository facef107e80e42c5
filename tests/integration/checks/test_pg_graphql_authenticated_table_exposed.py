"""Relations whose shape GraphQL shows to authenticated, told from the others."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "pg_graphql_authenticated_table_exposed"
# A stand-in: all that is asked of the extension is its name.
INSTALLED = """
drop extension pg_stat_statements;
insert into pg_catalog.pg_extension
select
    (oid::bigint + 1)::oid, 'pg_graphql', extowner, extnamespace, extrelocatable,
    extversion, extconfig, extcondition
from pg_catalog.pg_extension where extname = 'plpgsql';
"""
SHOWN = """
create table notes (id integer);
alter table notes enable row level security;
grant select on notes to authenticated;
create view "All notes" as select id from notes;
grant select (id) on "All notes" to authenticated;
"""
NEAR_MISSES = """
create table of_others (id integer);
grant select on of_others to anon, service_role;
create table written (id integer);
grant insert on written to authenticated;
create table parts (id integer) partition by range (id);
grant select on parts to authenticated;
create schema hidden;
grant usage on schema hidden to public;
create table hidden.notes (id integer);
grant select on hidden.notes to authenticated;
"""


async def test_relations_that_graphql_shows_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, INSTALLED, SHOWN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "All notes",
            'GraphQL shows the columns of view public."All notes" to authenticated',
        ),
        ("notes", "GraphQL shows the columns of table public.notes to authenticated"),
    ]


async def test_relations_that_graphql_does_not_show_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, INSTALLED, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_nothing_is_shown_without_the_extension(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SHOWN)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_hides_a_relation_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, INSTALLED, SHOWN)
    found = await objections(reader, LINT)

    await apply(admin, found)
    left = await objections(reader, LINT)
    await undo(admin, found)

    assert [f.object.name for f in found if f.remedy] == ["notes"]
    assert [f.object.name for f in left] == ["All notes"]
    assert told(await objections(reader, LINT)) == told(found)
