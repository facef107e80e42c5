"""Policies that trust what users write, told from those that only mention it."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "rls_references_user_metadata"
SERVICE = """
create schema auth;
create table auth.users (id integer, raw_user_meta_data jsonb, raw_app_meta_data jsonb);
create function auth.jwt() returns jsonb stable language sql set search_path = ''
as $$ select current_setting('request.jwt.claims', true)::jsonb $$;
create function auth.uid() returns integer stable language sql set search_path = ''
as 'select 1';
create table notes (id integer, kind text, body jsonb);
alter table notes enable row level security;
"""
TRUSTING = """
create policy by_claim on notes
using ((select auth.jwt() -> 'user_metadata' ->> 'role') = 'admin');
create policy "By path" on notes for insert
with check (auth.jwt() #>> '{user_metadata,role}' = 'admin');
create policy by_setting on notes
using (current_setting('request.jwt.claims', true)::json
    -> 'user_metadata' ->> 'role' = 'admin');
create policy by_table on notes using (exists (
    select from auth.users as u where u.raw_user_meta_data ->> 'role' = 'admin'
));
create function is_admin() returns boolean stable language sql set search_path = ''
as $$ select auth.jwt() -> 'user_metadata' ->> 'role' = 'admin' $$;
create policy by_function on notes using ((select is_admin()));
"""
NEAR_MISSES = """
create policy by_other_claim on notes
using (auth.jwt() -> 'app_metadata' ->> 'role' = 'admin');
create policy by_kind on notes using (kind = 'user_metadata' and id = auth.uid());
create policy by_column on notes using (body -> 'user_metadata' ->> 'a' = 'b');
create policy by_table on notes using (exists (
    select from auth.users as u where u.raw_app_meta_data ->> 'role' = 'admin'
));
create function is_admin() returns boolean stable language plpgsql
set search_path = '' as $$
begin
    -- Not 'user_metadata', which users write.
    return auth.jwt() -> 'app_metadata' ->> 'role' = 'admin';
end
$$;
create policy by_function on notes using ((select is_admin()));
create table switched_off (id integer);
create policy by_claim on switched_off
using (auth.jwt() -> 'user_metadata' ->> 'role' = 'admin');
"""


async def test_policies_that_trust_users_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, TRUSTING)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "notes.By path",
            (
                'policy "By path" on table public.notes '
                "reads the claim user_metadata: users write it themselves"
            ),
        ),
        (
            "notes.by_claim",
            (
                "policy by_claim on table public.notes "
                "reads the claim user_metadata: users write it themselves"
            ),
        ),
        (
            "notes.by_function",
            (
                "policy by_function on table public.notes calls public.is_admin(), "
                "which reads user_metadata: users write it themselves"
            ),
        ),
        (
            "notes.by_setting",
            (
                "policy by_setting on table public.notes "
                "reads the claim user_metadata: users write it themselves"
            ),
        ),
        (
            "notes.by_table",
            (
                "policy by_table on table public.notes reads "
                "auth.users.raw_user_meta_data: users write it themselves"
            ),
        ),
    ]


async def test_policies_that_only_mention_it_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, NEAR_MISSES)

    assert await objections(reader, LINT) == ()
