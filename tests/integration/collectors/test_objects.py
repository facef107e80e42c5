"""Collectors of tables, indexes, policies and sequences of one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.collectors.collector import Collector
from monitor.errors import TargetError
from monitor.model.catalog import Catalog
from monitor.model.rows.backends import BackendRow
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.sequences import SequencesRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.target import Credentials
from tests.collecting import Bench, bench, eventually, reading, samples

Admin = psycopg.AsyncConnection[TupleRow]

_SCHEMA = """
create table parent (id integer primary key, name text not null);
create table child (
    id bigint generated always as identity primary key,
    parent_id integer references parent (id),
    body text
);
create index child_lower on child (lower(body)) where parent_id is not null;
create table parts (id integer, at date) partition by range (at);
create table parts_2026 partition of parts for values from ('2026-01-01') to (maxvalue);
alter table child enable row level security;
create policy mine on child for select to public using (parent_id = 1);
create table untouched (id integer);
"""


@asynccontextmanager
async def _prepared(reader: Credentials, admin: Admin) -> AsyncGenerator[Bench]:
    await admin.execute(_SCHEMA)
    async with bench(reader) as at:
        await _catalog(at)
        yield at


async def _as_client(conninfo: str, *statements: LiteralString) -> None:
    """Run statements in a session of its own: at its end, at the latest, it reports.

    Until 14 a session keeps its counts to itself while it is idle.
    """
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True
    ) as connection:
        for statement in statements:
            await connection.execute(statement)


async def _catalog(at: Bench) -> Catalog:
    """Read the catalog and all definitions."""
    catalog = (await at.collect("catalog")).catalog
    if at.collectors["catalog_definitions"].requests():
        catalog = (await at.collect("catalog_definitions")).catalog or catalog
    assert catalog is not None
    return catalog


def _oid(catalog: Catalog, name: str) -> int:
    tables = [r.oid for r in catalog.relations.values() if r.relname == name]
    indexes = [i.oid for i in catalog.indexes.values() if i.indexrelname == name]
    (oid,) = tables + indexes
    return oid


@pytest.mark.pg
async def test_nothing_is_asked_about_objects_before_there_is_a_catalog(
    reader: Credentials,
) -> None:
    async with bench(reader) as at:
        for name in ("stat_user_tables", "stat_user_indexes", "relation_size"):
            assert at.collectors[name].requests() == ()


@pytest.mark.pg
async def test_the_catalog_holds_what_was_created(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        catalog = await _catalog(at)

    names = {r.relname: r for r in catalog.relations.values()}
    indexes = {i.indexrelname: i for i in catalog.indexes.values()}
    assert set(names) == {"parent", "child", "parts", "parts_2026", "untouched"}
    assert names["child"].columns == ("id", "parent_id", "body")
    assert (names["child"].has_rls, names["parent"].has_rls) == (True, False)
    assert names["parts_2026"].parent == names["parts"].oid
    assert names["parts"].kind == "p"
    partial = indexes["child_lower"]
    assert (partial.columns, partial.key_columns) == (("",), 1)
    assert (partial.expressions, partial.predicate) == (
        "lower(body)",
        "(parent_id IS NOT NULL)",
    )
    assert partial.definition.startswith("CREATE INDEX child_lower ON public.child")
    assert indexes["parent_pkey"].constraint == "parent_pkey"
    assert indexes["parent_pkey"].is_primary
    (key,) = catalog.foreign_keys
    assert (key.relid, key.columns) == (names["child"].oid, ("parent_id",))
    assert key.referenced_relid == names["parent"].oid
    (policy,) = catalog.policies
    assert (policy.name, policy.command, policy.roles) == ("mine", "r", ("public",))
    assert (policy.using, policy.check) == ("(parent_id = 1)", "")


@pytest.mark.pg
async def test_row_level_security_is_counted_by_schema(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        await admin.execute("create policy idle on parent using (true)")
        await admin.execute("alter table untouched enable row level security")

        (row,) = samples((await at.collect("rls")).sheets[0])

    assert row == {
        "schemaname": "public",
        "tables": 5,
        "enabled_tables": 2,
        "forced_tables": 0,
        "closed_tables": 1,
        "ineffective_tables": 1,
        "policies": 2,
    }


@pytest.mark.pg
async def test_an_unchanged_catalog_is_the_same_object(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        first = await _catalog(at)

        second = await _catalog(at)

    assert second is first


@pytest.mark.pg
async def test_renamed_dropped_and_created_objects_are_noticed(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        before = await _catalog(at)
        child = _oid(before, "child")
        await admin.execute("alter table child rename column body to text")
        await admin.execute("alter table parent rename to mother")
        await admin.execute("drop table parts")
        await admin.execute("create index added on child (parent_id)")
        await admin.execute("comment on index added is 'pgvigil:keep'")

        after = await _catalog(at)

    assert after.relations[child].columns == ("id", "parent_id", "text")
    names = {r.relname for r in after.relations.values()}
    assert names == {"mother", "child", "untouched"}
    indexes = {i.indexrelname: i for i in after.indexes.values()}
    assert indexes["parent_pkey"].relname == "mother"
    assert "mother" in indexes["parent_pkey"].definition
    assert indexes["child_lower"].expressions == "lower(text)"
    assert (indexes["added"].comment, indexes["added"].columns) == (
        "pgvigil:keep",
        ("parent_id",),
    )


@pytest.mark.promise(2)
@pytest.mark.pg
async def test_a_locked_table_costs_only_its_own_definitions(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute(_SCHEMA)
    async with (
        await psycopg.AsyncConnection.connect(conninfo) as locker,
        bench(reader) as at,
    ):
        await locker.execute("lock table child in access exclusive mode")

        locked = await _catalog(at)
        await locker.rollback()
        free = await _catalog(at)

    assert locked.indexes[_oid(locked, "child_lower")].definition == ""
    assert locked.policies[0].using is None
    assert locked.indexes[_oid(locked, "parent_pkey")].definition != ""
    assert free.indexes[_oid(free, "child_lower")].definition != ""
    assert free.policies[0].using == "(parent_id = 1)"


@pytest.mark.promise(2)
@pytest.mark.pg
async def test_a_locked_table_is_sized_by_its_pages(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    async with (
        _prepared(reader, admin) as at,
        await psycopg.AsyncConnection.connect(conninfo) as locker,
    ):
        await admin.execute(
            "insert into child (body) select 'b' from generate_series(1, 5000)"
        )
        await admin.execute(
            "insert into parent select i, 'n' from generate_series(1, 5000) i"
        )
        await admin.execute("vacuum analyze child")
        catalog = await _catalog(at)
        exact = {r.oid: r for r in await at.rows("relation_size", SizeRow)}
        await locker.execute("lock table child in access exclusive mode")

        locked = {r.oid: r for r in await at.rows("relation_size", SizeRow)}
        await locker.rollback()

    child, parent = _oid(catalog, "child"), _oid(catalog, "parent")
    assert exact[child].is_exact
    assert exact[child].size_bytes > 0
    assert exact[child].indexes_bytes > 0
    assert exact[child].total_bytes > exact[child].size_bytes
    assert not locked[child].is_exact
    assert locked[child].size_bytes == exact[child].size_bytes
    assert locked[parent].is_exact
    assert exact[child].frozen_xid_age is not None


@pytest.mark.promise(2)
@pytest.mark.pg
async def test_no_collector_waits_for_a_lock_that_is_held_or_awaited(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    async with (
        _prepared(reader, admin) as at,
        await psycopg.AsyncConnection.connect(conninfo) as user,
        await psycopg.AsyncConnection.connect(conninfo) as locker,
        await psycopg.AsyncConnection.connect(conninfo) as queued,
    ):
        await admin.execute("create index late on parent (name)")
        await user.execute("select from parent")
        await locker.execute("lock table child in access exclusive mode")
        waiting = asyncio.create_task(
            queued.execute("lock table parent in access exclusive mode")
        )
        await at.until(
            "backends", BackendRow, lambda rows: any(r.blocked_by for r in rows)
        )

        try:
            failed = [n for n, c in at.collectors.items() if not await _runs(at, n, c)]
        finally:
            await user.rollback()
            await waiting

    assert failed == []


async def _runs(at: Bench, name: str, collector: Collector) -> bool:
    """Say whether a collector can run, where it is meant to."""
    if collector.skipped:
        return True
    try:
        await at.collect(name)
    except TargetError:
        return False
    return True


@pytest.mark.pg
async def test_what_live_tuples_need_is_known_where_statistics_are_visible(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        insert = "insert into parent select i, 'name' from generate_series(1, 9000) i"
        await admin.execute(insert)
        await admin.execute("analyze parent")
        hidden = {r.oid: r for r in await at.rows("relation_size", SizeRow)}
        await admin.execute("grant select on parent to pgvigil_reader")

        shown = {r.oid: r for r in await at.rows("relation_size", SizeRow)}
        sheets = {s.name: samples(s) for s in at.last["relation_size"].sheets}
        catalog = await _catalog(at)

    parent = _oid(catalog, "parent")
    assert hidden[parent].estimated_bytes is None
    estimated = shown[parent].estimated_bytes
    assert estimated is not None
    assert estimated == pytest.approx(shown[parent].size_bytes, rel=0.1)
    assert {s["relname"] for s in sheets["table"]} >= {"parent", "child"}
    assert {s["indexrelname"] for s in sheets["index"]} >= {"parent_pkey"}


@pytest.mark.pg
async def test_only_tables_that_moved_are_new_objects(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    async with _prepared(reader, admin) as at:
        catalog = await _catalog(at)
        parent, untouched = _oid(catalog, "parent"), _oid(catalog, "untouched")
        first = {r.oid: r for r in await at.rows("stat_user_tables", TableRow)}
        await _as_client(conninfo, "insert into parent values (1, 'a'), (2, 'b')")

        rows = await at.until(
            "stat_user_tables",
            TableRow,
            lambda rows: any(r.n_tup_ins_total == 2 for r in rows),
        )

        later = {row.oid: row for row in rows}
        assert later[untouched] is first[untouched]
        assert later[parent].n_tup_ins_total == 2
        assert later[parent].n_live_tup == 2
        assert later.keys() == first.keys()
        assert reading(at.last["stat_user_tables"], "stat_user_tables").is_complete
        (sheet,) = at.last["stat_user_tables"].sheets
        exported = {s["relname"]: s for s in samples(sheet)}
        assert exported["parent"]["n_tup_ins_total"] == 2
        assert exported["parent"]["datname"] == at.session.dbname


@pytest.mark.pg
async def test_the_token_moves_with_whatever_a_table_row_shows(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    """A row kept for its token equals one that is read anew."""
    async with _prepared(reader, admin) as at:
        steps: tuple[LiteralString, ...] = (
            "insert into child (body) select 'x' from generate_series(1, 1000)",
            "update child set body = 'y' where id % 2 = 0",
            "delete from child where id % 3 = 0",
            "analyze child",
            "vacuum child",
            "select count(*) from child",
            "truncate child",
        )
        for step in steps:
            await _as_client(conninfo, step)
            await _assert_kept_rows_are_current(at, admin)


async def _assert_kept_rows_are_current(at: Bench, admin: Admin) -> None:
    """Compare rows kept by token with the view, which has no token."""

    async def look() -> tuple[object, bool]:
        kept = {r.oid: r for r in await at.rows("stat_user_tables", TableRow)}
        cursor = await admin.execute(
            "select relid::bigint, seq_scan, n_tup_ins, n_tup_upd, n_tup_del,"
            " n_live_tup, n_dead_tup, n_mod_since_analyze, n_ins_since_vacuum,"
            " vacuum_count, analyze_count from pg_stat_user_tables"
        )
        expected = {row[0]: tuple(row[1:]) for row in await cursor.fetchall()}
        found = {
            oid: (
                row.seq_scan_total,
                row.n_tup_ins_total,
                row.n_tup_upd_total,
                row.n_tup_del_total,
                row.n_live_tup,
                row.n_dead_tup,
                row.n_mod_since_analyze,
                row.n_ins_since_vacuum,
                row.vacuum_count_total,
                row.analyze_count_total,
            )
            for oid, row in kept.items()
            if oid in expected
        }
        return (found, expected), found == expected

    await eventually(look)


@pytest.mark.pg
async def test_an_index_scan_that_finds_nothing_moves_the_index(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    async with _prepared(reader, admin) as at:
        catalog = await _catalog(at)
        await at.collect("stat_user_indexes")
        await _as_client(
            conninfo,
            "insert into parent values (1, 'a')",
            "set enable_seqscan = off",
            "select from parent where id = 77",
        )

        rows = await at.until(
            "stat_user_indexes",
            IndexRow,
            lambda rows: any(r.idx_scan_total == 1 for r in rows),
        )

    pkey = _oid(catalog, "parent_pkey")
    (row,) = [row for row in rows if row.oid == pkey]
    assert row.idx_scan_total == 1
    assert (row.last_idx_scan is not None) == (at.server.major >= 16)


@pytest.mark.pg
async def test_a_table_that_left_the_catalog_leaves_the_reading(
    reader: Credentials, admin: Admin
) -> None:
    async with _prepared(reader, admin) as at:
        catalog = await _catalog(at)
        dropped = _oid(catalog, "untouched")
        before = await at.rows("stat_user_tables", TableRow)
        await admin.execute("drop table untouched")
        await _catalog(at)

        after = await at.rows("stat_user_tables", TableRow)

    assert dropped in {row.oid for row in before}
    assert {row.oid for row in before} - {row.oid for row in after} == {dropped}


@pytest.mark.pg(">=15")  # until 14 the counts of a dropped table outlive it
async def test_a_table_dropped_since_the_catalog_has_no_row(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    async with _prepared(reader, admin) as at:
        catalog = await _catalog(at)
        dropped = _oid(catalog, "untouched")
        await _as_client(conninfo, "insert into untouched values (1)")
        await at.until(
            "stat_user_tables",
            TableRow,
            lambda rows: any(r.oid == dropped and r.n_tup_ins_total for r in rows),
        )

        await admin.execute("drop table untouched")

        await at.until(
            "stat_user_tables",
            TableRow,
            lambda rows: all(r.oid != dropped for r in rows),
        )


@pytest.mark.pg
async def test_a_sequence_near_its_columns_end_is_seen_and_a_locked_one_skipped(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute("create table narrow (id smallserial)")
    await admin.execute("alter sequence narrow_id_seq as bigint no maxvalue")
    await admin.execute("create sequence wide")
    await admin.execute("create sequence hidden")
    await admin.execute("create sequence fresh")
    await admin.execute(
        "select setval('narrow_id_seq', 32000), setval('wide', 5), setval('hidden', 5)"
    )
    await admin.execute("grant select on narrow_id_seq, wide, fresh to pgvigil_reader")
    async with (
        await psycopg.AsyncConnection.connect(conninfo) as locker,
        bench(reader) as at,
    ):
        rows = {r.sequencename: r for r in await at.rows("sequences", SequencesRow)}
        await locker.execute("alter sequence wide increment by 2")
        left = {r.sequencename for r in await at.rows("sequences", SequencesRow)}
        await locker.rollback()

    assert set(rows) == {"narrow_id_seq", "wide"}
    narrow = rows["narrow_id_seq"]
    assert (narrow.tablename, narrow.columnname) == ("narrow", "id")
    assert (narrow.data_type, narrow.limit_value) == ("smallint", 32767)
    assert narrow.used_ratio == pytest.approx(0.976, abs=0.001)
    assert rows["wide"].used_ratio < 1e-6
    assert left == {"narrow_id_seq"}
