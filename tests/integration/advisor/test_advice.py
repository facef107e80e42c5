"""Advice about a real database, and that each piece of it can be carried out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.advisor import (
    duplicate_index,
    foreign_key_without_index,
    missing_index,
    redundant_index,
    unused_index,
)
from monitor.maintenance.planner import Choices, agenda
from monitor.maintenance.policy import Policy
from monitor.model.action import ActionMode, ActionState
from monitor.model.finding import Finding
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.target import Credentials
from monitor.model.view import StatementText, View
from monitor.model.window import UsageWindow
from monitor.runtime.rules import discover
from tests.collecting import bench, eventually
from tests.integration.postgres.stage import NOW, OWNER, Stage, perform, prepare
from tests.judging import Court
from tests.servers import Cluster
from tests.unit.factories import make, reading

SCHEMA = """
create schema "Sh""op";
create table "Sh""op".customers (
    id integer primary key, email text unique, note text
);
create table "Sh""op"."Or""ders" (
    id integer primary key,
    customer_id integer references "Sh""op".customers,
    tenant_id integer,
    state text,
    note text
);
insert into "Sh""op".customers
select n, 'mail' || n, '' from generate_series(1, 2000) as n;
insert into "Sh""op"."Or""ders"
select n, 1 + n % 2000, n % 50, 'new', repeat('x', 20)
from generate_series(1, 20000) as n;
create index note_one on "Sh""op"."Or""ders" (note);
create index note_two on "Sh""op"."Or""ders" (note);
create index state_alone on "Sh""op"."Or""ders" (state);
create index state_note on "Sh""op"."Or""ders" (state, note);
create index note_desc on "Sh""op"."Or""ders" (note desc);
create index note_part on "Sh""op"."Or""ders" (note) where id > 5;
create index lower_note on "Sh""op"."Or""ders" (lower(note));
create index unused on "Sh""op"."Or""ders" (note, id);
create unique index email_again on "Sh""op".customers (email);
alter table "Sh""op"."Or""ders" enable row level security;
create policy own on "Sh""op"."Or""ders"
    using (tenant_id = (select current_setting('app.tenant', true)::integer));
analyze;
"""
MODULES = (
    duplicate_index,
    foreign_key_without_index,
    missing_index,
    redundant_index,
    unused_index,
)


@pytest.fixture
async def stage(
    cluster: Cluster,
    database: str,
    admin: psycopg.AsyncConnection[TupleRow],
    reader: Credentials,
) -> AsyncIterator[Stage]:
    del reader
    made = Stage(cluster, database, admin)
    await prepare(made)
    await admin.execute(SCHEMA.encode())
    await admin.execute(
        f"""
        alter schema "Sh""op" owner to {OWNER};
        alter table "Sh""op"."Or""ders" owner to {OWNER};
        alter table "Sh""op".customers owner to {OWNER};
        """.encode()
    )
    yield made
    for executor in made.opened:
        await executor.close()


async def look(reader: Credentials, stage: Stage) -> View:
    """Return what the daemon would see after two quiet months."""
    database = stage.database
    # A table without any activity would prove nothing about its indexes.
    await eventually(lambda: counted(stage))
    async with bench(reader) as at:
        court = Court(at)
        for _ in range(3):
            await court.read("catalog", "catalog_definitions", "stat_user_tables")
            await court.read("stat_user_indexes")
    seen = court.view()
    oids = seen.catalogs[database].indexes
    window = make(UsageWindow, since=seen.now - timedelta(days=60), until=seen.now)
    statement = make(StatementRow, queryid=1, dbid=7, calls_total=9)
    text = 'select * from "Sh""op"."Or""ders" where customer_id = $1 and state = $2'
    return replace(
        seen,
        windows={(database, oid): window for oid in oids},
        readings={
            **seen.readings,
            (ReplicationRow, ""): reading(()),
            (StatementRow, ""): reading((statement,)),
        },
        databases={7: database},
        texts={1: StatementText(queryid=1, text=text)},
    )


async def counted(stage: Stage) -> tuple[int, bool]:
    """Return whether the statistics have caught up with the schema's script."""
    query = (
        "select count(*) from pg_stat_user_tables "
        "where schemaname = %s and n_tup_ins >= 2000"
    )
    tables = await stage.value(query, 'Sh"op')
    return tables, tables == 2


def advise(seen: View) -> list[Finding]:
    """Return all advice about an index or table of the shop."""
    found: list[Finding] = []
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        rule = discover()[name]
        found += (
            replace(finding, check=name, target="stage")
            for finding in rule.check(seen, rule.thresholds())
            if finding.object.schema == 'Sh"op'
        )
    return found


def named(found: list[Finding], check: str) -> set[str]:
    return {each.object.name for each in found if each.check == check}


@pytest.mark.pg
@pytest.mark.requirement("S8.2.1-a")
@pytest.mark.requirement("S8.2.1-b")
async def test_advice_names_what_is_there_and_nothing_else(
    stage: Stage, reader: Credentials
) -> None:
    found = advise(await look(reader, stage))

    assert named(found, "duplicate_index") == {"note_two", "email_again"}
    assert named(found, "redundant_index") == {"note_one", "note_two", "state_alone"}
    assert named(found, "foreign_key_without_index") == {
        'Or"ders.Or"ders_customer_id_fkey'
    }
    assert named(found, "missing_index") == {'Or"ders(tenant_id)'}
    unused = [each for each in found if each.check == "unused_index"]
    assert {each.object.name for each in unused if each.remedy} == {
        "note_one",
        "note_two",
        "state_alone",
        "state_note",
        "note_desc",
        "note_part",
        "unused",
    }
    assert {each.object.name for each in unused if not each.remedy} == {"lower_note"}


@pytest.mark.pg
@pytest.mark.requirement("S8.2.1-a")
async def test_every_statement_given_runs_and_its_undo_too(
    stage: Stage, reader: Credentials
) -> None:
    found = advise(await look(reader, stage))
    remedies = [each.remedy for each in found if each.remedy]

    for remedy in dict.fromkeys(remedies):
        await stage.admin.execute(remedy.sql.encode())
        await stage.admin.execute(remedy.undo.encode())

    assert len(remedies) >= 10
    assert await stage.value("select count(*) from pg_index where not indisvalid") == 0


@pytest.mark.pg
@pytest.mark.promise(3)
@pytest.mark.requirement("S8.2.1-c")
async def test_what_is_planned_from_the_catalog_is_executed_and_verified(
    stage: Stage, reader: Credentials
) -> None:
    seen = await look(reader, stage)
    found = advise(seen)
    choices = Choices(policy=Policy(mode=ActionMode.AUTO, confirm_drop_index=True))
    plan = agenda(seen, found, choices, ())
    kinds = {"create_index", "drop_index"}
    actions = [p.action for p in plan.proposals if p.action.kind in kinds]
    executor = stage.executor()

    states = [(await perform(executor, action)).state for action in actions]

    # One index of each table is dropped; the others wait for the next catalog.
    assert [action.kind for action in actions].count("drop_index") == 2
    assert states == [ActionState.DONE] * len(actions)
    assert {r.rule for r in plan.refusals} >= {"one_at_a_time"}
    assert seen.now > NOW
