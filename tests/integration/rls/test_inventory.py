"""Whom policies bind and what is read on the way, against the server's own answer."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.model.target import Credentials
from monitor.rls.inventory import Inventory, inventory
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.integration.rls.workload import OWNER, ROLES, prepare
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]

SHY, SHY_OWNER = "rls_shy", "rls_shy_owner"
ALL_ROLES = (*ROLES, SHY, SHY_OWNER, "postgres")
MORE = """
create table chain_a (id integer);
create table chain_b (id integer);
create table chain_c (id integer);
create view chain_view as select id from chain_c;
create policy p on chain_a using (id in (select b.id from chain_b as b));
create policy p on chain_b using (exists (select 1 from chain_view));
create policy only_writes on chain_b for insert
    with check (exists (select 1 from notes));
create policy p on chain_c using (true);
alter table chain_a enable row level security;
alter table chain_b enable row level security;
alter table chain_c enable row level security;
"""


async def take_stock(reader: Credentials) -> Inventory:
    async with bench(reader) as at:
        court = Court(at)
        await court.read(
            "catalog",
            "policy_references",
            "policy_functions",
            "view_references",
            "role_attributes",
        )
        stock = inventory(court.view(), at.session.dbname)
    assert stock is not None
    return stock


async def set_up(admin: Admin, major: int) -> None:
    await prepare(admin, major)
    await ensure_role(admin, SHY, "nologin noinherit")
    await ensure_role(admin, SHY_OWNER, "nologin")
    await admin.execute("grant rls_owner to rls_shy")
    if major >= 16:
        await admin.execute("grant rls_owner to rls_shy_owner with inherit false")
    await admin.execute(MORE.encode())
    await admin.execute("grant all on all tables in schema public to public")


async def is_filtered(admin: Admin, role: str, relation: str) -> bool:
    """Say whether policies would filter what a role reads of a relation."""
    try:
        async with admin.transaction(force_rollback=True):
            await admin.execute(
                sql.SQL("set local role {}").format(sql.Identifier(role))
            )
            await admin.execute("set local row_security = off")
            await admin.execute(f"explain select * from {relation}".encode())
    except psycopg.errors.InsufficientPrivilege as error:
        return "row-level security" in str(error)
    return False


async def active(admin: Admin, role: str) -> set[int]:
    """Return the tables under row level security as a role."""
    async with admin.transaction(force_rollback=True):
        await admin.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        cursor = await admin.execute(
            "select c.oid from pg_class as c where c.relkind in ('r', 'p')"
            " and c.relnamespace <> 'pg_catalog'::regnamespace"
            " and row_security_active(c.oid)"
        )
        return {row[0] for row in await cursor.fetchall()}


@pytest.mark.pg("all")
async def test_policies_bind_whom_the_server_says(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await set_up(admin, major)

    stock = await take_stock(reader)

    for role in ALL_ROLES:
        bound = {oid for oid in stock.catalog.relations if stock.binds(oid, role)}
        assert (role, bound) == (role, await active(admin, role))


@pytest.mark.pg
async def test_views_are_followed_as_the_server_does(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await set_up(admin, major)

    stock = await take_stock(reader)

    for view in stock.views.values():
        if not view.relations or view.schemaname != "public" or view.kind == "m":
            continue
        for role in ALL_ROLES:
            name = f"{view.schemaname}.{view.relname}"
            filtered = await is_filtered(admin, role, name)
            assert (name, role, bool(stock.closure([view.oid], role))) == (
                name,
                role,
                filtered,
            )


@pytest.mark.pg
async def test_what_policies_read_is_followed_to_its_end(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await set_up(admin, major)

    stock = await take_stock(reader)

    names = {oid: r.relname for oid, r in stock.catalog.relations.items()}
    oids = {name: oid for oid, name in names.items()}
    read = stock.closure([oids["chain_a"]], "rls_user", ["select"])
    # The view belongs to the superuser, so the last table's policies do not count.
    assert {names[oid] for oid in read} == {"chain_a", "chain_b"}
    written = stock.closure([oids["chain_b"]], "rls_user", ["insert"])
    assert {names[oid] for oid in written} == {"chain_b", "notes"}


@pytest.mark.pg
async def test_the_policy_set_changes_with_a_policy_and_with_what_it_calls(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await set_up(admin, major)
    first = await take_stock(reader)
    oid = next(o for o, r in first.catalog.relations.items() if r.relname == "ledger")
    await admin.execute("analyze ledger")
    same = (await take_stock(reader)).policy_set(oid)
    await admin.execute("alter function is_member(integer) volatile")
    called = (await take_stock(reader)).policy_set(oid)
    await admin.execute(f"alter policy by_helper on ledger to {OWNER}".encode())

    altered = (await take_stock(reader)).policy_set(oid)

    assert same == first.policy_set(oid)
    assert len({same, called, altered}) == 3
