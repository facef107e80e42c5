"""Policies without a condition, told from those that have one."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "rls_policy_always_true"
TABLES = """
create table notes (id integer, owner text);
create table tags (id integer, owner text);
alter table notes enable row level security;
alter table tags enable row level security;
grant select, insert, update, delete on notes, tags to anon, authenticated;
"""
OPEN = """
create policy everything on notes using (true);
create policy "Add any" on notes for insert to authenticated with check (1 = 1);
create policy give_away on notes for update to anon
using (owner = 'anon') with check (true);
create policy removing on notes for delete to anon using ('a' = 'a');
create policy changing on tags for update to authenticated using (true)
with check (owner = 'me');
"""
NEAR_MISSES = """
create policy reading on notes for select using (true);
create policy own on notes using (owner = 'anon');
create policy nothing on notes for delete using (false);
create policy unequal on notes for delete using (1 = 2);
create policy unlike on notes for delete using (1 <> 1);
create policy by_setting on notes for delete using (current_user = 'anon');
create policy machine on notes to service_role using (true);
create policy broad on tags to authenticated using (true);
create policy narrow on tags as restrictive using (owner = 'me');
create table switched_off (id integer);
create policy everything on switched_off using (true);
grant insert on switched_off to anon;
create table not_granted (id integer);
alter table not_granted enable row level security;
create policy everything on not_granted using (true);
grant select on not_granted to anon;
"""


async def test_policies_without_a_condition_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, TABLES, OPEN)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "notes.Add any",
            (
                'policy "Add any" on table public.notes sets no condition: '
                "authenticated may insert"
            ),
        ),
        (
            "notes.everything",
            (
                "policy everything on table public.notes sets no condition: "
                "anon may delete, insert, update; "
                "authenticated may delete, insert, update"
            ),
        ),
        (
            "notes.give_away",
            (
                "policy give_away on table public.notes sets no condition: "
                "anon may update"
            ),
        ),
        (
            "notes.removing",
            (
                "policy removing on table public.notes sets no condition: "
                "anon may delete"
            ),
        ),
        (
            "tags.changing",
            (
                "policy changing on table public.tags sets no condition: "
                "authenticated may update"
            ),
        ),
    ]


async def test_policies_with_a_condition_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, TABLES, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_a_restrictive_policy_of_another_role_narrows_nothing(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        TABLES,
        """
        create policy broad on tags for delete to authenticated using (true);
        create policy narrow on tags as restrictive to anon using (owner = 'me');
        create policy loose on tags as restrictive for delete using (true);
        """,
    )

    found = await objections(reader, LINT)

    assert [f.object.name for f in found] == ["tags.broad"]
