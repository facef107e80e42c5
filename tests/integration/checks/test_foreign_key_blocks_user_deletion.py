"""Foreign keys that keep accounts from being deleted, told from those that do not."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.judging import Court

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S2.2.2-f")]

LINT = "foreign_key_blocks_user_deletion"
SCHEMA = """
create schema auth;
create table auth.users (id integer primary key);
create table auth.sessions (user_id integer references auth.users (id));
create table public.users (id integer primary key);
create table public."Notes" (
    author integer references auth.users (id),
    reviewer integer references auth.users (id) on delete restrict
);
create table public.near_misses (
    owned_by integer references auth.users (id) on delete cascade,
    seen_by integer references auth.users (id) on delete set null,
    kept_by integer default 0 references auth.users (id) on delete set default,
    other integer references public.users (id)
);
create table public.parts (
    author integer references auth.users (id),
    day date
) partition by range (day);
create table public.parts_1 partition of public.parts
for values from ('2026-01-01') to ('2026-02-01');
"""


async def test_keys_without_an_action_are_found_once(
    reader: Credentials, admin: psycopg.AsyncConnection[TupleRow]
) -> None:
    await admin.execute(SCHEMA)

    async with bench(reader) as bench_:
        at = Court(bench_)
        found = await at.await_finding(LINT, "lints")

    assert [(f.object.schema, f.object.name) for f in found] == [
        ("public", "Notes.Notes_author_fkey"),
        ("public", "Notes.Notes_reviewer_fkey"),
        ("public", "parts.parts_author_fkey"),
    ]
    assert {f.severity for f in found} == {Severity.INFO}
    assert found[0].summary == (
        'foreign key "Notes_author_fkey" of table public."Notes" '
        "keeps accounts from being deleted"
    )


async def test_what_is_found_does_keep_an_account(
    admin: psycopg.AsyncConnection[TupleRow],
) -> None:
    await admin.execute(SCHEMA)
    await admin.execute(
        """
        insert into auth.users values (0), (1), (2);
        insert into public."Notes" values (1, null);
        insert into public.near_misses values (2, null, null, null);
        insert into public.near_misses values (null, 2, 2, null);
        """
    )

    await admin.execute("delete from auth.users where id = 2")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await admin.execute("delete from auth.users where id = 1")


async def test_nothing_is_found_where_accounts_are_elsewhere(
    reader: Credentials, admin: psycopg.AsyncConnection[TupleRow]
) -> None:
    await admin.execute(
        """
        create table public.users (id integer primary key);
        create table public.notes (author integer references public.users (id));
        """
    )

    async with bench(reader) as bench_:
        at = Court(bench_)
        await at.read("lints")
        found = at.judge(LINT)

    assert found == ()
