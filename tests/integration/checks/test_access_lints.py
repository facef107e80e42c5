"""Lints on who may see and change what, told from what only looks like it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Finding, Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S8.1.1-e")]

Admin = psycopg.AsyncConnection[TupleRow]

HELPERS = """
create schema auth;
create function auth.uid() returns integer stable language sql as 'select 1';
"""

PARTITIONS = """
create table "Events" (id integer, at integer) partition by range (at);
alter table "Events" enable row level security;
create policy own on "Events" using (id = 1);
create table "Events 1" partition of "Events" for values from (0) to (1)
    partition by range (at);
create table events_1_1 partition of "Events 1" for values from (0) to (1);
grant select on "Events 1", events_1_1 to anon;
create table guarded partition of "Events" for values from (1) to (2);
alter table guarded enable row level security;
grant select on guarded to anon;
create table kept_back partition of "Events" for values from (2) to (3);
grant select on kept_back to service_role;
create schema hidden;
create table hidden.away partition of "Events" for values from (3) to (4);
grant select on hidden.away to anon;
create table open_parent (id integer) partition by range (id);
create table open_child partition of open_parent for values from (0) to (1);
grant select on open_child to anon;
"""

PUBLIC = """
create table "Notes" (id integer, owner integer, is_published boolean);
alter table "Notes" enable row level security;
grant select on "Notes" to anon;
create policy everyone on "Notes" for select using (owner = (select auth.uid()));
create policy of_tenant on "Notes" for select
using (owner = current_setting('app.tenant', true)::integer);
create policy published on "Notes" for select using (is_published);
create policy named on "Notes" for select to authenticated
using (owner = (select auth.uid()));
create policy not_granted on "Notes" for delete using (owner = (select auth.uid()));
create table private (owner integer);
alter table private enable row level security;
grant select on private to authenticated;
create policy own on private using (owner = (select auth.uid()));
create table switched_off (owner integer);
grant select on switched_off to anon;
create policy own on switched_off using (owner = (select auth.uid()));
"""

INDEXES = """
create table docs (
    id integer primary key,
    owner integer,
    body jsonb,
    words tsvector,
    labels text[],
    tags text[],
    title text,
    at timestamptz
);
alter table docs enable row level security;
create policy own on docs using (owner = 1 or tags @> '{all}');
create index "by body" on docs using gin (body);
create index by_words on docs using gin (words);
create index by_labels on docs using gin (labels);
create index by_lower on docs (lower(title));
create index by_policy on docs using gin (tags);
create index by_title on docs (title text_pattern_ops);
create index by_at on docs (at);
create index by_owner on docs (owner);
create unique index by_both on docs (labels);
create table open_docs (body jsonb);
create index open_by_body on open_docs using gin (body);
create table shown (body jsonb);
alter table shown enable row level security;
create policy all_of_it on shown using (true);
create index shown_by_body on shown using gin (body);
create table for_service (id integer, body jsonb);
alter table for_service enable row level security;
create policy machine on for_service to service_role using (id = 1);
create index for_service_by_body on for_service using gin (body);
"""

COLUMNS = """
create table "Profiles" (id integer, "role" text, tenant_id integer, name text);
alter table "Profiles" enable row level security;
grant select, update on "Profiles" to authenticated;
create policy own on "Profiles" to authenticated
using (id = (select auth.uid()));
create function keep_time() returns trigger language plpgsql
as 'begin return new; end';
create trigger keep_time before update on "Profiles"
for each row execute function keep_time();
create policy compared on "Profiles" for update to authenticated
using (id = (select auth.uid()))
with check ("role" = 'user' and tenant_id = 1);
create policy admins on "Profiles" for update to authenticated
using ((select auth.uid()) = 1);
create policy reading on "Profiles" for select to authenticated
using (id = (select auth.uid()));

create table guarded (id integer, is_admin boolean);
alter table guarded enable row level security;
grant update on guarded to authenticated;
create policy own on guarded to authenticated using (id = (select auth.uid()));
create function refuse() returns trigger language plpgsql as 'begin return old; end';
create trigger guard before update of is_admin on guarded
for each row execute function refuse();

create table watched (id integer, org_id integer);
alter table watched enable row level security;
grant update on watched to authenticated;
create policy own on watched to authenticated using (id = (select auth.uid()));
create function compare() returns trigger language plpgsql
as 'begin if new.org_id <> old.org_id then raise ''no''; end if; return new; end';
create trigger compare before update on watched
for each row execute function compare();

create table managed (item integer, organization_id integer);
alter table managed enable row level security;
grant update on managed to authenticated;
create policy by_managers on managed to authenticated
using (item = any (array(select auth.uid())));

create table withheld (id integer, organization_id integer, name text);
alter table withheld enable row level security;
grant update (name) on withheld to authenticated;
create policy own on withheld to authenticated using (id = (select auth.uid()));

create table narrowed (id integer, roles text[]);
alter table narrowed enable row level security;
grant update on narrowed to authenticated;
create policy own on narrowed to authenticated using (id = (select auth.uid()));
create policy fixed on narrowed as restrictive for update to authenticated
using (true) with check (roles = '{user}');
"""

ROLES = ("none", "authenticated")


async def found_by(
    lint: str, schema: str, reader: Credentials, admin: Admin
) -> tuple[Finding, ...]:
    await ensure_role(admin, "anon", "nologin")
    await ensure_role(admin, "authenticated", "nologin")
    await ensure_role(admin, "service_role", "nologin bypassrls")
    await admin.execute("grant usage on schema public to public")
    await admin.execute(f"{HELPERS}{schema}".encode())
    async with bench(reader) as bench_:
        return await Court(bench_).await_finding(lint, "lints")


def names(found: tuple[Finding, ...]) -> list[tuple[str, Severity]]:
    return [(finding.object.name, finding.severity) for finding in found]


async def test_partitions_that_the_api_may_name_are_found(
    reader: Credentials, admin: Admin
) -> None:
    found = await found_by("partition_without_rls", PARTITIONS, reader, admin)

    assert names(found) == [
        ("Events 1", Severity.CRITICAL),
        ("events_1_1", Severity.CRITICAL),
    ]
    assert found[0].summary == (
        'partition public."Events 1" has no row level security, its parent '
        'public."Events" has, and anon may use it'
    )
    assert found[0].remedy is not None
    await admin.execute(found[0].remedy.sql.encode())
    await admin.execute(found[0].remedy.undo.encode())


async def test_policies_for_everyone_are_found_where_anonymous_requests_meet_them(
    reader: Credentials, admin: Admin
) -> None:
    found = await found_by("policy_applies_to_public", PUBLIC, reader, admin)

    assert names(found) == [
        ("Notes.everyone", Severity.WARNING),
        ("Notes.of_tenant", Severity.WARNING),
    ]
    assert found[0].remedy is not None
    assert found[0].remedy.sql == (
        'alter policy everyone on public."Notes" to authenticated;'
    )
    await admin.execute(found[0].remedy.sql.encode())
    await admin.execute(found[0].remedy.undo.encode())


async def test_indexes_without_leakproof_operators_are_found(
    reader: Credentials, admin: Admin
) -> None:
    found = await found_by("index_unusable_under_rls", INDEXES, reader, admin)

    assert names(found) == [
        ("by body", Severity.INFO),
        ("by_labels", Severity.INFO),
        ("by_lower", Severity.INFO),
        ("by_words", Severity.INFO),
    ]
    assert found[0].summary == (
        'index "by body" on table public.docs serves no condition of users under '
        "row level security: operators of jsonb_ops are not leakproof"
    )


async def test_an_index_is_unusable_for_users_exactly_where_it_is_found(
    reader: Credentials, admin: Admin
) -> None:
    found = await found_by("index_unusable_under_rls", INDEXES, reader, admin)
    await admin.execute("grant select on docs to authenticated")
    await admin.execute("set enable_seqscan = off")
    searches = {
        "by body": "body @> '{}'",
        "by_labels": "labels @> '{a}'",
        "by_lower": "lower(title) = 'a'",
        "by_words": "words @@ 'a'",
        "by_title": "title = 'a'",
        "by_at": "at = now()",
    }

    used = {
        name: [name in await _plan(admin, role, search) for role in ROLES]
        for name, search in searches.items()
    }

    unusable = {name for name, (owner, user) in used.items() if owner and not user}
    assert unusable == {finding.object.name for finding in found}


async def _plan(admin: Admin, role: str, search: str) -> str:
    await admin.execute(f"set role {role}".encode())
    cursor = await admin.execute(f"explain select from docs where {search}".encode())
    plan = "\n".join(str(row[0]) for row in await cursor.fetchall())
    await admin.execute("reset role")
    return plan


async def test_columns_of_privilege_that_nobody_guards_are_found(
    reader: Credentials, admin: Admin
) -> None:
    found = await found_by("privilege_column_unguarded", COLUMNS, reader, admin)

    assert names(found) == [("Profiles.own", Severity.WARNING)]
    assert found[0].summary == (
        'policy own on table public."Profiles" lets authenticated change role and '
        "tenant_id"
    )
