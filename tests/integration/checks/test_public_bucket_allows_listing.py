"""Policies that open whole buckets, told from those that look at more."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "public_bucket_allows_listing"
# A stand-in: the columns of the service's table that policies look at.
STORAGE = """
create schema storage;
create schema auth;
create function auth.uid() returns text stable language sql set search_path = ''
as $$ select 'me' $$;
create table storage.objects (id integer, bucket_id text, name text, owner_id text);
alter table storage.objects enable row level security;
grant select on storage.objects to anon, authenticated;
"""
BROAD = """
create policy "List avatars" on storage.objects for select
using (bucket_id = 'avatars');
create policy everything on storage.objects to authenticated using (true);
create policy several on storage.objects for select to anon
using (bucket_id in ('a', 'b') or 'c' = bucket_id);
create policy tautology on storage.objects for select to anon using (1 = 1);
"""
NEAR_MISSES = """
create policy own on storage.objects for select
using (bucket_id = 'avatars' and owner_id = (select auth.uid()));
create policy folder on storage.objects for select
using (bucket_id = 'avatars' and name like 'public/%');
create policy by_function on storage.objects for select
using (bucket_id = auth.uid());
create policy by_user on storage.objects for select using (bucket_id = current_user);
create policy nothing on storage.objects for select using (false);
create policy adding on storage.objects for insert
with check (bucket_id = 'avatars');
create policy machine on storage.objects for select to service_role using (true);
create table public.objects (bucket_id text);
alter table public.objects enable row level security;
create policy everything on public.objects for select using (true);
grant select on public.objects to anon;
"""


async def test_policies_that_look_at_nothing_but_the_bucket_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, STORAGE, BROAD)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "objects.List avatars",
            (
                'policy "List avatars" on table storage.objects lets '
                "anon and authenticated list all files of a bucket"
            ),
        ),
        (
            "objects.everything",
            (
                "policy everything on table storage.objects lets "
                "authenticated list all files of every bucket"
            ),
        ),
        (
            "objects.several",
            (
                "policy several on table storage.objects lets "
                "anon list all files of a bucket"
            ),
        ),
        (
            "objects.tautology",
            (
                "policy tautology on table storage.objects lets "
                "anon list all files of every bucket"
            ),
        ),
    ]


async def test_policies_that_look_at_more_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, STORAGE, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_a_restrictive_policy_narrows_what_its_roles_can_list(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        STORAGE,
        BROAD,
        """
        create policy narrow on storage.objects as restrictive for select to anon
        using (owner_id = (select auth.uid()));
        """,
    )

    found = await objections(reader, LINT)

    assert [(f.object.name, "anon" in f.summary) for f in found] == [
        ("objects.List avatars", False),
        ("objects.everything", False),
    ]


async def test_policies_of_roles_without_a_privilege_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        STORAGE,
        BROAD,
        "revoke select on storage.objects from anon, authenticated",
    )

    assert await objections(reader, LINT) == ()
