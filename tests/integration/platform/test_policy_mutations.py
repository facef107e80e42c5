"""Each policy, guard, privilege and switch is needed: without it a test would fail.

One thing at a time is removed or weakened, the lists of the other tests are held
against the outcome, and it is put back. What nobody notices is a survivor.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.platform import guards, policy_matrix, privileges
from tests.integration.platform.policy_stage import seed
from tests.platform import Connection, Platform

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

# Who passes USING here passes any check, and nobody else reaches it.
EQUIVALENT = {"alter policy content_repositories_update: with check (true)"}
# Of other migrations, which hold them by tests of their own.
ELSEWHERE = ("audit_logs",)

_POLICIES = """
select
    o.polname,
    c.relname,
    o.polcmd::text
from pg_policy as o
join pg_class as c on c.oid = o.polrelid
where c.relnamespace = 'public'::regnamespace and c.relname <> all (%s)
order by 1
"""
_GUARDS = """
select c.relname
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
where
    t.tgname = 'a_guard'
    and c.relnamespace = 'public'::regnamespace
    and c.relname <> all (%s)
order by 1
"""
_GRANTABLE = """
with tables as (
    select c.oid
    from pg_class as c
    where
        c.relnamespace = any ('{public,app_private,app_partitions}'::regnamespace[])
        and c.relkind in ('r', 'p', 'v')
)
select format('grant %s on table %s to %I', p.name, t.oid::regclass, r.name)
from tables as t
cross join (
    values ('anon'), ('authenticated'), ('service_role')
) as r (name)
cross join lateral (
    select distinct lower(a.privilege_type) as name
    from aclexplode(acldefault('r', 10)) as a
) as p
where not has_table_privilege(r.name, t.oid, p.name)
union all
select format('grant execute on routine %s to public', f.oid::regprocedure)
from pg_proc as f
where f.pronamespace = any ('{public,app_private}'::regnamespace[])
union all
select format('grant usage on schema %s to anon, authenticated', s.name)
from (values ('app_partitions'), ('monitoring')) as s (name)
order by 1
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A weakening, and the table whose list has to notice it."""

    name: str
    statement: str
    table: str


@asynccontextmanager
async def undone(owner: Connection) -> AsyncGenerator[None]:
    async with owner.transaction(force_rollback=True):
        yield


async def rows(owner: Connection, query: str, *parameters: object) -> list[Any]:
    return await (await owner.execute(query.encode(), parameters or None)).fetchall()


def mutations_of(policy: str, table: str, command: str) -> list[Mutation]:
    """Return a policy's ways to be lost: gone, and open on either side."""
    parts = {
        "r": ("using (true)",),
        "d": ("using (true)",),
        "a": ("with check (true)",),
        "w": ("using (true)", "with check (true)"),
    }[command]
    return [
        Mutation(
            f"drop policy {policy}", f"drop policy {policy} on public.{table}", table
        ),
        *(
            Mutation(
                f"alter policy {policy}: {part}",
                f"alter policy {policy} on public.{table} {part}",
                table,
            )
            for part in parts
        ),
    ]


async def is_noticed_by_matrix(owner: Connection, table: str) -> bool:
    cases = [case for case in policy_matrix.expected() if case.table == table]
    return await policy_matrix.actual(owner, cases) != cases


@pytest.mark.requirement("S3-c")
async def test_no_policy_can_be_lost_unnoticed(platform: Platform) -> None:
    owner, survivors = platform.owner, set[str]()
    async with undone(owner):
        await seed(owner)
        await owner.execute(policy_matrix.ATTEMPT)
        await owner.execute("set local session_replication_role = replica")
        policies = await rows(owner, _POLICIES, list(ELSEWHERE))
        for mutation in [m for p in policies for m in mutations_of(*p)]:
            async with undone(owner):
                await owner.execute(mutation.statement.encode())
                if not await is_noticed_by_matrix(owner, mutation.table):
                    survivors.add(mutation.name)

    assert len(policies) == 31
    assert survivors == EQUIVALENT


@pytest.mark.requirement("S3.1.1-b", "S3.1.2-d", "S3.1.3-a")
async def test_no_guard_can_be_lost_unnoticed(platform: Platform) -> None:
    owner, survivors = platform.owner, set[str]()
    async with undone(owner):
        await seed(owner)
        await owner.execute(policy_matrix.ATTEMPT)
        guarded = [table for (table,) in await rows(owner, _GUARDS, list(ELSEWHERE))]
        for table in guarded:
            async with undone(owner):
                await owner.execute(
                    f"alter table public.{table} disable trigger a_guard".encode()
                )
                if await guards.actual(owner, table) == guards.expected(table):
                    survivors.add(table)

    assert set(guarded) == set(guards.TABLES)
    assert survivors == set()


@pytest.mark.requirement("S3-p8", "X3")
async def test_no_privilege_can_be_given_back_unnoticed(platform: Platform) -> None:
    owner, survivors = platform.owner, set[str]()
    async with undone(owner):
        statements = [statement for (statement,) in await rows(owner, _GRANTABLE)]
        for statement in statements:
            async with undone(owner):
                await owner.execute(statement.encode())
                if await privileges.granted(owner) == privileges.expected():
                    survivors.add(statement)

    assert len(statements) > 200
    assert survivors == set()


@pytest.mark.requirement("S3-a")
async def test_no_table_can_be_opened_unnoticed(platform: Platform) -> None:
    owner, survivors = platform.owner, set[str]()
    async with undone(owner):
        tables = await rows(
            owner,
            "select oid::regclass::text from pg_class where relkind in ('r', 'p')"
            " and relnamespace = any ('{public,app_partitions}'::regnamespace[])",
        )
        for (table,) in tables:
            async with undone(owner):
                await owner.execute(
                    f"alter table {table} disable row level security".encode()
                )
                if await privileges.unprotected(owner) == []:
                    survivors.add(table)

    assert len(tables) > 20
    assert survivors == set()
