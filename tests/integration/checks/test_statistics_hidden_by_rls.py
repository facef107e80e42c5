"""What the monitor cannot see of protected tables, and what opens its eyes."""

from __future__ import annotations

import psycopg
import pytest

from monitor.model.rows.relation_size import SizeRow
from monitor.model.target import Credentials
from monitor.postgres.install import install
from tests.collecting import Bench, bench
from tests.integration.postgres.schema import Admin, ensure_role, scalar, session_to
from tests.judging import Court
from tests.servers import READER, Cluster

CHECK = "statistics_hidden_by_rls"
READ = (
    "catalog",
    "policy_functions",
    "policy_references",
    "role_attributes",
    "view_references",
    "relation_size",
)
SCHEMA = """
    create table guarded (id int, note text);
    create table free (id int, note text);
    insert into guarded select g, repeat('x', 100) from generate_series(1, 20000) as g;
    insert into free select * from guarded;
    create function mine(int) returns boolean language sql as 'select true';
    create policy own on guarded using (mine(id));
    create view shown as select id from guarded;
    alter table guarded enable row level security;
    grant select on guarded, free to pgvigil_reader;
    analyze guarded, free
"""


async def _install(cluster: Cluster, database: str) -> None:
    async with session_to(cluster.conninfo(database)) as session:
        await install(session, planner_stats=True)


async def _sizes(at: Bench) -> dict[str, int | None]:
    rows = {row.oid: row for row in await at.rows("relation_size", SizeRow)}
    catalog = at.last["catalog"].catalog
    assert catalog is not None
    return {
        relation.relname: rows[oid].estimated_bytes
        for oid, relation in catalog.relations.items()
        if relation.relname in ("guarded", "free")
    }


@pytest.mark.pg
async def test_hidden_statistics_are_said_and_no_number_stands_in_for_them(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute(SCHEMA.encode())
    async with bench(reader) as at:
        court = Court(at)
        await court.read(*READ)

        (found,) = court.judge(CHECK)
        sizes = await _sizes(at)

    assert "planner statistics of 1 table" in found.summary
    assert found.unknowns == ("The bloat of public.guarded.",)
    assert sizes["guarded"] is None
    assert sizes["free"] is not None


@pytest.mark.pg
@pytest.mark.parametrize("owner", ["pgvigil_owner", ""])
async def test_once_the_function_is_there_the_figures_are_right(
    reader: Credentials, admin: Admin, cluster: Cluster, database: str, owner: str
) -> None:
    await admin.execute(SCHEMA.encode())
    if owner:
        await ensure_role(admin, owner)
        await admin.execute(
            f'grant create on database "{database}" to {owner}'.encode()
        )
    await _install(cluster, database)
    async with bench(reader) as at:
        court = Court(at)
        await court.read(*READ)
        await court.read("relation_size")

        found = court.judge(CHECK)
        sizes = await _sizes(at)

    assert found == ()
    assert sizes["guarded"] == sizes["free"]


@pytest.mark.pg
async def test_the_function_shows_no_value_and_only_to_the_reader(
    reader: Credentials, admin: Admin, cluster: Cluster, database: str
) -> None:
    await admin.execute(SCHEMA.encode())
    for role in ("pgvigil_maintainer", "hidden_stranger"):
        await ensure_role(admin, role)
    await _install(cluster, database)

    columns = await scalar(
        admin,
        "select array_to_string(proargnames, ' ') from pg_proc"
        " where proname = 'planner_stats'",
    )
    may = {
        role: await scalar(
            admin,
            "select has_function_privilege(%s, 'monitoring.planner_stats(oid[])',"
            " 'execute')",
            role,
        )
        for role in (READER, "pgvigil_maintainer", "hidden_stranger")
    }
    async with await psycopg.AsyncConnection.connect(reader.conninfo) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("select stavalues1 from pg_catalog.pg_statistic")

    assert columns == (
        "relids relid attnum inherited null_frac avg_width n_distinct correlation"
    )
    assert may == {
        READER: True,
        "pgvigil_maintainer": False,
        "hidden_stranger": False,
    }


@pytest.mark.pg
async def test_a_strangers_function_of_that_name_is_not_called(
    reader: Credentials, admin: Admin
) -> None:
    await ensure_role(admin, "hidden_stranger")
    await admin.execute(SCHEMA.encode())
    await admin.execute(
        b"""
        create schema monitoring;
        grant usage on schema monitoring to public;
        create function monitoring.planner_stats(relids oid[]) returns table (
            relid oid, attnum smallint, inherited boolean, null_frac real,
            avg_width integer, n_distinct real, correlation real
        ) language plpgsql as 'begin raise exception ''called''; end';
        alter function monitoring.planner_stats(oid[]) owner to hidden_stranger
        """
    )
    async with bench(reader) as at:
        court = Court(at)
        await court.read(*READ)
        await court.read("relation_size")

        sizes = await _sizes(at)

    assert sizes["guarded"] is None
