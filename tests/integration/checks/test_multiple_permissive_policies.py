"""Policies that add up, told from those that meet different roles or commands."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.integration.postgres.schema import ensure_role
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "multiple_permissive_policies"
SEVERAL = """
create table notes (id integer, owner text);
alter table notes enable row level security;
create policy own on notes using (owner = 'me');
create policy "Shared ones" on notes for select to authenticated using (id = 1);
create table tags (id integer);
alter table tags enable row level security;
create policy first on tags for insert with check (id = 1);
create policy second on tags for insert with check (id = 2);
create policy mine on tags for delete to anon using (id = 1);
create policy yours on tags for delete to anon using (id = 2);
"""
NEAR_MISSES = """
create table by_command (id integer);
alter table by_command enable row level security;
create policy reading on by_command for select using (id = 1);
create policy adding on by_command for insert with check (id = 1);
create table by_role (id integer);
alter table by_role enable row level security;
create policy hers on by_role to anon using (id = 1);
create policy his on by_role to authenticated using (id = 1);
create policy machine on by_role to service_role using (true);
create policy machines on by_role to service_role using (true);
create table restricted (id integer);
alter table restricted enable row level security;
create policy own on restricted using (id = 1);
create policy narrow on restricted as restrictive using (id = 1);
create table switched_off (id integer);
create policy own on switched_off using (id = 1);
create policy other on switched_off using (id = 2);
"""


async def test_policies_that_add_up_are_found_once_for_a_table(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SEVERAL)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "notes",
            (
                "table public.notes has several permissive policies at once: "
                'select for authenticated ("Shared ones", own)'
            ),
        ),
        (
            "tags",
            (
                "table public.tags has several permissive policies at once: "
                "delete for anon (mine, yours); insert for public (first, second)"
            ),
        ),
    ]


async def test_policies_that_never_meet_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_a_granted_role_s_policies_count_for_its_member(
    reader: Credentials, admin: Admin
) -> None:
    await ensure_role(admin, "lint_editors", "nologin")
    await ensure_role(admin, "lint_member", "nologin")
    await prepare(
        admin,
        """
        grant lint_editors to lint_member;
        create table pages (id integer);
        alter table pages enable row level security;
        create policy editing on pages for update to lint_editors using (id = 1);
        create policy own on pages for update to lint_member using (id = 2);
        """,
    )

    found = await objections(reader, LINT)

    assert told(found) == [
        (
            "pages",
            (
                "table public.pages has several permissive policies at once: "
                "update for lint_member (editing, own)"
            ),
        )
    ]
