"""Statements and their texts, on servers that executed them."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.errors import TargetError
from monitor.model.delta import difference
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_statements_info import StatementsInfoRow
from monitor.model.server import Extension
from monitor.model.snapshot import Kind
from monitor.model.target import Credentials
from tests import servers
from tests.collecting import Bench, bench, reading, samples
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[TupleRow]


async def _texts(at: Bench) -> dict[int, str]:
    """Fetch batch after batch until every statement has its text."""
    found: dict[int, str] = {}
    while at.collectors["statement_texts"].requests():
        collected = await at.collect("statement_texts")
        found |= {queryid: text.text for queryid, text in collected.texts.items()}
    return found


@pytest.mark.pg
async def test_calls_of_a_statement_are_counted_by_role_and_database(
    reader: Credentials, admin: Admin, database: str
) -> None:
    await admin.execute("create table counted (id integer)")
    for _ in range(3):
        await admin.execute("select id + 1 from counted where id = 7")
    async with bench(reader) as at:
        collected = await at.collect("stat_statements")
        texts = await _texts(at)

    entries = samples(collected.sheets[0])
    (queryid,) = [q for q, text in texts.items() if "from counted where" in text]
    (entry,) = [e for e in entries if e["queryid"] == str(queryid)]
    assert (entry["calls_total"], entry["datname"]) == (3, database)
    assert (entry["usename"], entry["toplevel"]) == ("postgres", "true")
    assert texts[queryid] == "select id + $1 from counted where id = $2"
    assert collected.roles[10] == "postgres"
    (info,) = [
        row
        for found in collected.readings
        for row in found.rows
        if isinstance(row, StatementsInfoRow)
    ]
    assert info.max_entries == int(servers.SETTINGS["pg_stat_statements.max"])
    assert (info.reset_at is not None) == (at.server.major >= 14)


@pytest.mark.pg
async def test_an_entry_that_did_not_move_stays_the_same_object(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("select 'resting'")
    async with bench(reader) as at:
        await at.collect("stat_statements")
        first = reading(await at.collect("stat_statements"), "stat_statements")
        await admin.execute("select 'moving', 1")

        second = reading(await at.collect("stat_statements"), "stat_statements")

    before = {id(row) for row in first.rows}
    kept = [row for row in second.rows if id(row) in before]
    delta = difference(first, second)
    assert len(kept) >= 1
    assert delta is not None
    moved = [row for row in delta.rows if isinstance(row, StatementRow)]
    assert 0 < len(moved) < len(second.rows)


@pytest.mark.promise(11)
@pytest.mark.pg(">=14")
@pytest.mark.requirement("X5")
async def test_a_reset_of_the_extension_begins_a_new_epoch(
    reader: Credentials, admin: Admin
) -> None:
    async with bench(reader) as at:
        before = reading(await at.collect("stat_statements"), "stat_statements")
        await admin.execute("select pg_stat_statements_reset()")

        after = reading(await at.collect("stat_statements"), "stat_statements")

    assert difference(before, after) is None


@pytest.mark.pg
async def test_names_are_read_again_only_for_an_unknown_role(
    reader: Credentials, admin: Admin, database: str
) -> None:
    newcomer = sql.Identifier(f"role_{database}")
    async with bench(reader) as at:
        await at.collect("stat_statements")
        usual = [r.name for r in at.collectors["stat_statements"].requests()]
        await admin.execute(sql.SQL("create role {}").format(newcomer))
        await admin.execute(sql.SQL("set role {}").format(newcomer))
        await admin.execute("select 'newcomer', 2, 3")
        await admin.execute("reset role")
        await at.collect("stat_statements")

        collected = await at.collect("stat_statements")
        await admin.execute(sql.SQL("drop role {}").format(newcomer))

    assert usual == ["stat_statements", "stat_statements_info"]
    assert f"role_{database}" in collected.roles.values()


@pytest.mark.promise(14)
@pytest.mark.pg
async def test_texts_are_fetched_once_and_hide_secrets(
    reader: Credentials, admin: Admin, database: str
) -> None:
    role = sql.Identifier(f"secret_{database}")
    await admin.execute(sql.SQL("create role {} password 'S3cr3t-pw2'").format(role))
    await admin.execute(sql.SQL("drop role {}").format(role))
    async with bench(reader) as at:
        await at.collect("stat_statements")

        texts = await _texts(at)

        assert at.collectors["statement_texts"].requests() == ()
    assert any(text == "create role [redacted]" for text in texts.values())
    assert not any("S3cr3t" in text for text in texts.values())


@pytest.mark.promise(13)
@pytest.mark.pg
async def test_one_text_in_a_wrong_encoding_costs_the_texts_and_nothing_else(
    reader: Credentials, admin: Admin, cluster: Cluster, database: str
) -> None:
    name = f"ascii_{database}"
    create = "create database {} template template0 encoding 'sql_ascii'"
    create += " lc_collate 'C' lc_ctype 'C'"
    await admin.execute(sql.SQL(create).format(sql.Identifier(name)))
    try:
        async with await psycopg.AsyncConnection.connect(
            cluster.conninfo(name), autocommit=True
        ) as latin:
            await latin.execute("set client_encoding = 'sql_ascii'")
            # Costly enough to be among those whose texts are kept.
            slow = 'select pg_sleep(0.3) as "caf\xe9"'
            await latin.execute(slow.encode("latin-1"))
            await latin.execute("create extension pg_stat_statements")
            async with bench(reader) as at:
                collected = await at.collect("stat_statements")
                with pytest.raises(TargetError):
                    await at.collect("statement_texts")
                activity = await at.collect("stat_activity")
            async with bench(servers.reader_credentials(cluster, name)) as there:
                await there.collect("stat_statements")
                texts = await _texts(there)
    finally:
        await admin.execute("select pg_stat_statements_reset()")
        drop = sql.SQL("drop database {} with (force)")
        await admin.execute(drop.format(sql.Identifier(name)))

    assert collected.sheets[0].rows
    assert activity.sheets[0].rows
    begin = 'select pg_sleep($1) as "caf'
    assert any(text.startswith(begin) for text in texts.values())


@pytest.mark.pg
async def test_reading_texts_writes_no_temporary_file(
    reader: Credentials, admin: Admin
) -> None:
    comment = "x" * 6_000_000
    await admin.execute(f"select 6 /* {comment} */".encode())
    async with bench(reader) as at:
        await at.collect("stat_statements")
        await at.collect("statement_texts")
        cursor = await admin.execute(
            "select sum(temp_blks_written) from pg_stat_statements"
            " where query like '%getdatabaseencoding%'"
        )
        row = await cursor.fetchone()
        await admin.execute("select pg_stat_statements_reset()")

    assert row is not None
    assert row[0] == 0


@pytest.mark.pg
async def test_columns_of_statements_are_counters_with_four_labels(
    reader: Credentials,
) -> None:
    async with bench(reader) as at:
        sheet = (await at.collect("stat_statements")).sheets[0]

    labels = [c.name for c in sheet.columns if c.kind is Kind.LABEL]
    others = {c.kind for c in sheet.columns if c.kind is not Kind.LABEL}
    assert labels == ["queryid", "usename", "datname", "toplevel"]
    assert others == {Kind.COUNTER}
    assert sheet.rank in {column.name for column in sheet.columns}


async def test_an_older_extension_than_the_server_is_read_by_its_own_columns(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("drop extension pg_stat_statements")
    await admin.execute("create extension pg_stat_statements version '1.8'")
    async with bench(reader) as at:
        rows = await at.rows("stat_statements", StatementRow)
        installed = at.server.extensions["pg_stat_statements"]

    assert installed.version == (1, 8)
    assert rows
    assert all(row.stats_since is None for row in rows)


async def test_the_extension_is_found_in_a_schema_of_any_name(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute('create schema "Odd ""schema"', prepare=False)
    await admin.execute('alter extension pg_stat_statements set schema "Odd ""schema"')
    await admin.execute('grant usage on schema "Odd ""schema" to pgvigil_reader')
    async with bench(reader) as at:
        rows = await at.rows("stat_statements", StatementRow)

    assert rows


@pytest.mark.requirement("S8.1.1-a")
async def test_without_the_extension_the_reason_is_named(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("drop extension pg_stat_statements")
    async with bench(reader) as at:
        skipped = at.collectors["stat_statements"].skipped

    assert skipped


async def test_an_extension_that_is_too_old_is_skipped_with_what_is_needed(
    reader: Credentials,
) -> None:
    old = Extension("pg_stat_statements", "public", (1, 6))
    async with bench(reader) as at:
        extensions = {"pg_stat_statements": old}
        server = replace(at.server, extensions=extensions, capabilities=())
    async with bench(
        reader, extensions=extensions, capabilities=server.capabilities
    ) as at:
        skipped = at.collectors["stat_statements"].skipped

    assert skipped == 'needs extension "pg_stat_statements" 1.8 or newer'
