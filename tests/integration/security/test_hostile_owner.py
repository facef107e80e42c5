"""Somebody who owns tables, schemas and functions gains nothing from being watched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.errors import MigrationError
from monitor.model.action import ActionMode, ActionState, Refusal
from monitor.postgres.acting import ActionExecutor
from monitor.postgres.grants import MAINTAINER, READER, GrantPlan, grant_scripts
from monitor.postgres.grants import OWNER as OWNER_ROLE
from monitor.postgres.install import install, install_local, uninstall
from monitor.postgres.migrate import Migrator
from monitor.postgres.probe import probe
from monitor.postgres.session import Purpose, Session
from monitor.postgres.store import Report, Store
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.integration.postgres.schema import ensure_role, session_to
from tests.integration.postgres.stage import (
    DDL,
    OWNER,
    Stage,
    perform,
    prepare,
)
from tests.integration.runtime.loops import running, target_for, until
from tests.integration.runtime.test_target_loop import has_settled
from tests.integration.security.shadows import Spy, cast_shadows
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[Any]

# Whose rights the hostile functions try to take.
_WANTED = ("postgres", OWNER_ROLE, READER, MAINTAINER, DDL, "none")
_ATTEMPTS = [
    "reset role",
    "set session authorization default",
    *(f"set role {role}" for role in _WANTED),
    *(f"select pg_catalog.set_config('role', '{role}', false)" for role in _WANTED),
    "select pg_catalog.set_config('search_path', 'public', false)",
]
_SNEAK = """
create function public.sneak(value integer) returns integer
language plpgsql immutable as $sneak$
declare
    attempts constant text[] := {attempts};
    attempt text;
begin
    -- Once is enough, for each time that the table is read.
    if value <> 1 then
        return value;
    end if;
    foreach attempt in array attempts loop
        begin
            execute attempt;
        exception when others then
            null;
        end;
        perform spies.spied(attempt);
    end loop;
    return value;
end
$sneak$;
create index orders_sneak_idx on public.orders (public.sneak(id));
create policy sneaky on public.orders using (public.sneak(id) > 0);
alter table public.orders enable row level security;
"""
_SNEAK_STATISTICS = "create statistics public.sneaky on (sneak(id)), spare from orders"


@dataclass
class Scene:
    """A database whose owner is hostile, and what its code reported."""

    stage: Stage
    spy: Spy
    major: int

    @property
    def admin(self) -> Admin:
        return self.stage.admin

    @property
    def reader(self) -> servers.Credentials:
        return servers.reader_credentials(self.stage.cluster, self.stage.database)


@pytest.fixture
async def scene(
    cluster: Cluster, database: str, admin: Admin, major: int
) -> AsyncIterator[Scene]:
    if not isinstance(cluster, ThrowawayServer):
        pytest.skip("the log of MONITOR_TEST_DSN's server cannot be read")
    stage, spy = Stage(cluster, database, admin), Spy(cluster)
    await admin.execute("create schema extensions")
    await admin.execute("create extension pg_stat_statements schema extensions")
    await admin.execute("grant usage on schema extensions to public")
    await servers.create_reader(admin)
    await ensure_role(admin, OWNER, "nosuperuser")
    await spy.install(admin)
    # What `alter database` below brings about for everybody else.
    await admin.execute("set search_path = pg_catalog; set quote_all_identifiers = on")
    await _prepare_ground(stage)
    yield Scene(stage, spy, major)
    for executor in stage.opened:
        await executor.close()
    for role in (READER, MAINTAINER, DDL):
        await ensure_role(admin, role, "connection limit -1")


async def _prepare_ground(stage: Stage) -> None:
    """Let the hostile role own the database, and put everything in our way."""
    await stage.run("grant usage, create on schema public, extensions to {}", OWNER)
    await stage.run("create schema postgres authorization {}", OWNER)
    await stage.run("alter database {} owner to {}", stage.database, OWNER)
    await stage.run("set role {}", OWNER)
    for schema in ("public", "postgres"):
        await cast_shadows(stage.admin, schema)
    await stage.admin.execute(
        """
        create view public.pg_stat_statements as
        select s.* from extensions.pg_stat_statements as s
        where spies.spied('view pg_stat_statements');
        create function extensions.pg_stat_statements(wanted text) returns setof text
        language plpgsql as $f$ begin perform spies.spied('overload'); end $f$;
        create function extensions.pg_stat_statements(wanted anyelement)
        returns setof text
        language plpgsql as $f$ begin perform spies.spied('overload'); end $f$;
        """
    )
    for setting in (
        'search_path = "$user", public, pg_catalog',
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "transform_null_equals = on",
        "default_transaction_isolation = serializable",
        "row_security = off",
    ):
        await stage.admin.execute(
            sql.SQL("alter database {} set ").format(sql.Identifier(stage.database))
            + sql.SQL(setting)  # pyright: ignore[reportArgumentType]
        )
    await stage.run("reset role")


async def set_up(scene: Scene) -> None:
    """Install and grant as an operator does, on a connection that sees the traps."""
    await prepare(scene.stage)
    for role in (MAINTAINER,):
        await ensure_role(scene.admin, role)
        await scene.stage.run("alter role {} password 'only for tests'", role)
    plan = GrantPlan(
        version=scene.major, databases=(scene.stage.database,), owners=(OWNER,)
    )
    async with await psycopg.AsyncConnection.connect(
        scene.stage.superuser, autocommit=True
    ) as fresh:
        for script in grant_scripts(plan).values():
            await fresh.execute(script.encode())
    await scene.stage.run("set role {}", OWNER)
    await scene.admin.execute(sql.SQL(_SNEAK).format(attempts=sql.Literal(_ATTEMPTS)))
    if scene.major >= 14:
        await scene.admin.execute(f"set search_path = public; {_SNEAK_STATISTICS}")
        await scene.admin.execute("set search_path = pg_catalog")
    await scene.stage.run("reset role")


def harm(scene: Scene) -> set[object]:
    return {call for call in scene.spy.calls() if call.is_harmful}


async def watch(scene: Scene) -> dict[str, str]:
    """Run every collector until all have run; return what went wrong."""
    async with running(target_for(scene.reader)) as loop:
        await until(lambda: has_settled(loop))
        ran = {s.name for s in loop.roster.statuses if not s.skipped}
        assert {"stat_statements", "catalog", "lints", "relation_size"} <= ran
        return {s.name: s.error for s in loop.roster.statuses if s.error}


async def report(scene: Scene) -> None:
    """Write to schema monitoring as the daemon does."""
    session = await Session.open(
        scene.reader, purpose=Purpose.SIDE, instance="test", dbname=None
    )
    try:
        store = Store(session)
        about = Report(target="t", at=datetime.now(UTC), valid_for=timedelta(minutes=1))
        await store.thresholds()
        await store.save_samples(about, ())
        await store.save_findings(about, ())
        await store.save_advice(about, ())
        await store.save_rls_observations(about, ())
        await store.prune(timedelta(days=1))
    finally:
        await session.close()


async def act(stage: Stage, executor: ActionExecutor, upkeep: ActionExecutor) -> None:
    """Carry out each kind of action on the hostile table."""
    analyze = await stage.table_action("analyze", "analyze (skip_locked) {}")
    vacuum = await stage.table_action("vacuum", "vacuum (skip_locked) {}")
    for action in (analyze, vacuum):
        entry = await perform(upkeep, action)
        assert entry.state is ActionState.DONE, entry.detail
    await upkeep.close()
    created = await perform(executor, await stage.create("by_id", "id", "spare"))
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))
    for entry in (created, dropped):
        assert entry.state is ActionState.DONE, entry.detail
    undone = await executor.undo(dropped.id, "ann")
    assert undone.state is ActionState.UNDONE, undone.detail


@pytest.mark.pg
@pytest.mark.promise(15)
async def test_no_hostile_code_runs_with_our_rights(scene: Scene) -> None:
    await set_up(scene)
    stage = scene.stage

    errors = await watch(scene)
    await report(scene)
    await act(stage, stage.executor(user=DDL), stage.executor(user=MAINTAINER))
    async with session_to(stage.superuser) as session:
        await Migrator(session, "monitoring").down("002", confirm=True)
        again = await install(session)
        await install_local(session)
        await uninstall(session)

    assert errors == {}
    assert again.migrations
    # The index function did run, as its owner.
    assert OWNER in {call.current_user for call in scene.spy.calls()}
    assert harm(scene) == set()


@pytest.mark.promise(15)
async def test_the_traps_catch_who_leaves_the_path_open(scene: Scene) -> None:
    async with await psycopg.AsyncConnection.connect(
        scene.stage.superuser, autocommit=True
    ) as careless:
        await careless.execute(
            "select relname from pg_class where oid = any (array[1259])"
        )
        await careless.execute("select query from pg_stat_statements limit 1")

    whats = {call.what for call in scene.spy.calls() if call.is_harmful}
    assert whats >= {"oid = integer", "view pg_stat_statements"}


async def squat(scene: Scene, *, is_copy: bool) -> None:
    """Create schema monitoring before anybody else, with triggers that spy."""
    admin = scene.admin
    if is_copy:
        await prepare(scene.stage)
        await admin.execute(
            sql.SQL(
                """
                do $do$
                declare
                    thing record;
                begin
                    execute 'alter schema monitoring owner to {owner}';
                    for thing in
                        select c.oid::regclass as name from pg_class as c
                        where c.relnamespace = 'monitoring'::regnamespace
                            and c.relkind in ('r', 'v')
                    loop
                        execute format('alter table %s owner to {owner}', thing.name);
                    end loop;
                end
                $do$
                """
            ).format(owner=sql.Identifier(OWNER))
        )
    await scene.stage.run("set role {}", OWNER)
    if not is_copy:
        await admin.execute(
            """
            create schema monitoring;
            create table monitoring.repeatables (
                name text, kind text, checksum text, server_major integer
            );
            create table monitoring.reports (
                target text, kind text, reported_at timestamptz, expires_at timestamptz
            );
            create table monitoring.actions (id bigint, state text);
            grant usage on schema monitoring to public;
            grant all on all tables in schema monitoring to public;
            """
        )
    await admin.execute(
        """
        create function public.trap() returns trigger language plpgsql as $f$
        begin
            perform spies.spied(tg_table_name);
            return new;
        end
        $f$;
        create trigger trap before insert or update on monitoring.reports
        for each row execute function public.trap();
        create trigger trap before insert or update on monitoring.actions
        for each row execute function public.trap();
        """
    )
    await scene.stage.run("reset role")


@pytest.mark.pg
@pytest.mark.promise(15)
@pytest.mark.parametrize("is_copy", [False, True], ids=["forged", "taken over"])
async def test_a_schema_of_somebody_else_is_not_written_to(
    scene: Scene, *, is_copy: bool
) -> None:
    await squat(scene, is_copy=is_copy)
    if not is_copy:
        await ensure_role(scene.admin, DDL, "login noinherit")
        await scene.stage.run("alter role {} password 'only for tests'", DDL)
        await scene.stage.run("grant {} to {}", OWNER, DDL)
        await scene.stage.run("create table public.orders (id integer)")
        await scene.stage.run("alter table public.orders owner to {}", OWNER)
    session = await Session.open(
        scene.reader, purpose=Purpose.POLL, instance="test", dbname=None
    )
    executor = scene.stage.executor(user=DDL)
    action = await scene.stage.table_action("analyze", "analyze {}")

    server = await probe(session)
    refusal = await executor.propose(action, ActionMode.AUTO)
    with pytest.raises(MigrationError) as refused:
        async with session_to(scene.stage.superuser) as installer:
            await install(installer)

    await session.close()
    (schema,) = [c for c in server.capabilities if c.name == "monitoring_schema"]
    assert not schema.available
    assert OWNER in schema.reason
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "no_journal"
    assert OWNER in str(refused.value)
    assert harm(scene) == set()
