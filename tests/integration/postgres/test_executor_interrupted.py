"""Whatever interrupts an action, it ends done, undone, clean or with a person."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.action import Action, ActionMode, ActionState, JournalEntry
from monitor.postgres.acting import ActionExecutor
from tests.integration.postgres.stage import NOW, QUICK, Stage, perform

STEPS = ["precheck", "executing", "verifying", "half_done", "repairing"]
SETTLED = {
    ActionState.DONE,
    ActionState.UNDONE,
    ActionState.FAILED_CLEAN,
    ActionState.NEEDS_HUMAN,
    ActionState.APPROVED,
}


async def kill_at(stage: Stage, state: str) -> None:
    """Make the backend that writes a state end itself right after its commit."""
    await stage.run(
        "create or replace function public.end_backend() returns trigger "
        "language plpgsql security definer as "
        "'begin perform pg_terminate_backend(pg_backend_pid()); return null; end'"
    )
    await stage.run("drop trigger if exists end_backend on monitoring.actions")
    await stage.admin.execute(
        "create constraint trigger end_backend after update on monitoring.actions "
        "deferrable initially deferred for each row "
        f"when (new.state = '{state}') execute function public.end_backend()".encode()
    )


async def disarm(stage: Stage) -> None:
    await stage.run("drop trigger if exists end_backend on monitoring.actions")


async def after_restart(stage: Stage, action: Action) -> JournalEntry:
    """Let a new process take over and propose the same; return the first entry."""
    fresh = stage.executor()
    for _ in range(20):
        await fresh.reconcile()
        if not fresh.problem:
            break
        await asyncio.sleep(0.1)
    await fresh.propose(action, ActionMode.AUTO)
    await fresh.run_due(NOW)
    return (await fresh.history())[-1]


async def leftovers(stage: Stage) -> int:
    return await stage.value("select count(*) from pg_index where not indisvalid")


async def blocked(stage: Stage) -> psycopg.AsyncConnection[TupleRow]:
    """Hold a snapshot that every concurrent build waits for."""
    holder = await psycopg.AsyncConnection.connect(stage.superuser)
    await holder.execute("set transaction isolation level repeatable read")
    await holder.execute("select 1 from pg_catalog.pg_class limit 1")
    return holder


@pytest.mark.pg
@pytest.mark.promise(4)
@pytest.mark.parametrize("state", STEPS[:3])
async def test_a_drop_that_is_interrupted_ends_cleanly(
    stage: Stage, state: str
) -> None:
    action = await stage.drop("orders_spare_idx")
    first = stage.executor()
    await first.propose(action, ActionMode.AUTO)
    await kill_at(stage, state)
    await first.run_due(NOW)
    assert first.problem
    await disarm(stage)

    entry = await after_restart(stage, action)

    assert entry.state in SETTLED, entry.detail
    assert await leftovers(stage) == 0


@pytest.mark.pg
@pytest.mark.promise(4)
@pytest.mark.parametrize("state", STEPS[:3])
async def test_a_build_that_is_interrupted_ends_cleanly(
    stage: Stage, state: str
) -> None:
    action = await stage.create("orders_id_idx", "id")
    first = stage.executor()
    await first.propose(action, ActionMode.AUTO)
    await kill_at(stage, state)
    await first.run_due(NOW)
    assert first.problem
    await disarm(stage)

    entry = await after_restart(stage, action)

    assert entry.state in SETTLED, entry.detail
    assert await leftovers(stage) == 0


@pytest.mark.pg
@pytest.mark.promise(4)
@pytest.mark.parametrize("state", STEPS[3:])
async def test_cleaning_up_after_a_build_that_is_interrupted_goes_on(
    stage: Stage, state: str
) -> None:
    action = await stage.create("orders_id_idx", "id")
    first = stage.executor()
    await first.propose(action, ActionMode.AUTO)
    await kill_at(stage, state)
    async with await blocked(stage):
        await first.run_due(NOW)
    half = await leftovers(stage)
    await disarm(stage)

    entry = await after_restart(stage, action)

    assert half == 1
    assert entry.state in SETTLED, entry.detail
    assert await leftovers(stage) == 0


async def appearing(stage: Stage, query: LiteralString, *values: object) -> int:
    for _ in range(500):
        found = await stage.value(query, *values)
        if found:
            return found
        await asyncio.sleep(0.02)
    pytest.fail(f"nothing appeared: {query}")


async def started(stage: Stage, word: str) -> int:
    """Wait until the executor's statement runs; return its backend."""
    query = (
        "select pid from pg_stat_activity "
        "where application_name = 'pgvigil/stage/act' and query ilike %s "
        "and state = 'active'"
    )
    return await appearing(stage, query, word)


async def run_until_killed(stage: Stage, executor: ActionExecutor, word: str) -> None:
    running = asyncio.ensure_future(executor.run_due(NOW))
    pid = await started(stage, word)
    await stage.value("select pg_terminate_backend(%s)", pid)
    assert await running == ()


PATIENT = replace(
    QUICK,
    lock_timeout=timedelta(seconds=30),
    build_lock_timeout=timedelta(seconds=30),
)


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_a_build_killed_in_the_middle_leaves_nothing_and_spares_others(
    stage: Stage,
) -> None:
    await stage.value(
        "update pg_index set indisvalid = false where indexrelid = %s "
        "returning indexrelid",
        await stage.oid("orders_customer_idx"),
    )
    action = await stage.create("orders_id_idx", "id")
    first = stage.executor(options=PATIENT)
    await first.propose(action, ActionMode.AUTO)
    async with await blocked(stage):
        await run_until_killed(stage, first, "create index%")
    half = await leftovers(stage)

    fresh = stage.executor()
    moved = await fresh.run_due(NOW)

    assert half == 2
    assert [entry.state for entry in moved] == [ActionState.FAILED_CLEAN]
    assert await stage.oid("orders_id_idx") is None
    assert await stage.is_valid(await stage.oid("orders_customer_idx")) is False


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_a_drop_killed_in_the_middle_is_finished(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    first = stage.executor(options=PATIENT)
    await first.propose(action, ActionMode.AUTO)
    holder = await begin_after_precheck(stage, first)
    pid = await started(stage, "drop index%")
    await waiting(stage, pid)
    await stage.value("select pg_terminate_backend(%s)", pid)
    assert await holder.running == ()
    await holder.connection.close()
    half = await stage.is_valid(action.oid)

    fresh = stage.executor()
    moved = await fresh.run_due(NOW)

    assert half is False
    assert [entry.state for entry in moved] == [ActionState.DONE]
    assert await stage.is_valid(action.oid) is None


class Holder:
    """A transaction that takes a lock between precheck and statement."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[TupleRow],
        running: "asyncio.Future[tuple[JournalEntry, ...]]",
    ) -> None:
        self.connection = connection
        self.running = running


async def begin_after_precheck(stage: Stage, executor: ActionExecutor) -> Holder:
    """Run what is due, and lock the table once the precheck is over.

    The journal's own step to `executing` is made to wait for us meanwhile.
    """
    await stage.run(
        "create or replace function public.wait_here() returns trigger "
        "language plpgsql as "
        "'begin perform pg_advisory_xact_lock(4711); return new; end'"
    )
    await stage.run(
        "create trigger wait_here before update on monitoring.actions for each row "
        "when (new.state = 'executing') execute function public.wait_here()"
    )
    holder = await psycopg.AsyncConnection.connect(stage.superuser)
    gate = await psycopg.AsyncConnection.connect(stage.superuser, autocommit=True)
    await gate.execute("select pg_advisory_lock(4711)")
    running = asyncio.ensure_future(executor.run_due(NOW))
    query = "select pid from pg_locks where objid = 4711 and not granted"
    await appearing(stage, query)
    await holder.execute("select count(*) from public.orders")
    await gate.close()
    return Holder(holder, running)


async def waiting(stage: Stage, pid: int) -> None:
    await appearing(
        stage,
        "select pid from pg_stat_activity where pid = %s and wait_event_type = 'Lock'",
        pid,
    )


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_a_drop_that_runs_into_its_lock_timeout_is_finished_later(
    stage: Stage,
) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    holder = await begin_after_precheck(stage, executor)
    (half,) = await holder.running
    is_valid = await stage.is_valid(action.oid)
    await holder.connection.close()

    (done,) = await executor.run_due(NOW)

    assert (half.state, is_valid) == (ActionState.HALF_DONE, False)
    assert done.state is ActionState.DONE
    assert await stage.is_valid(action.oid) is None


@pytest.mark.pg
@pytest.mark.promise(1)
async def test_readers_and_writers_never_queue_behind_a_waiting_drop(
    stage: Stage,
) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor(options=PATIENT)
    await executor.propose(action, ActionMode.AUTO)
    holder = await begin_after_precheck(stage, executor)
    await waiting(stage, await started(stage, "drop index%"))

    application = await psycopg.AsyncConnection.connect(
        stage.superuser, options="-c lock_timeout=100ms", autocommit=True
    )
    async with application:
        for _ in range(20):
            await application.execute("select count(*) from public.orders")
            await application.execute("update public.orders set spare = 1 where id = 1")
    await holder.connection.close()
    (done,) = await holder.running

    assert done.state is ActionState.DONE


@pytest.mark.promise(4)
async def test_cleaning_up_is_given_to_a_person_in_the_end(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor(options=replace(QUICK, max_repairs=2))
    await executor.propose(action, ActionMode.AUTO)
    holder = await begin_after_precheck(stage, executor)
    await holder.running
    await executor.run_due(NOW)
    (last,) = await executor.run_due(NOW)
    await holder.connection.close()

    assert last.state is ActionState.NEEDS_HUMAN
    assert 'drop index concurrently "public"."orders_spare_idx";' in last.detail


@pytest.mark.promise(4)
async def test_the_next_attempt_to_clean_up_waits_its_time(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    patient = replace(QUICK, repair_pause=timedelta(hours=1))
    executor = stage.executor(options=patient)
    await executor.propose(action, ActionMode.AUTO)
    holder = await begin_after_precheck(stage, executor)
    await holder.running
    await holder.connection.close()

    assert await executor.run_due(NOW) == ()
    assert await stage.is_valid(action.oid) is False


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_an_undo_that_is_interrupted_leaves_the_action_done(stage: Stage) -> None:
    executor = stage.executor()
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))
    async with await blocked(stage):
        undone = await executor.undo(dropped.id, "ann")
    again = await executor.undo(dropped.id, "bob")

    assert undone.state is ActionState.DONE
    assert undone.verified["undo"] == "failed"
    assert again.state is ActionState.UNDONE
    assert await leftovers(stage) == 0


async def test_a_statement_that_still_runs_is_left_alone(stage: Stage) -> None:
    action = await stage.create("orders_id_idx", "id")
    first = stage.executor()
    proposed = await first.propose(action, ActionMode.AUTO)
    assert isinstance(proposed, JournalEntry)
    await first.close()
    backend = await psycopg.AsyncConnection.connect(
        stage.superuser, application_name="pgvigil/other/act"
    )
    async with backend:
        await stage.value(
            "update monitoring.actions set state = 'executing', verified = "
            "jsonb_build_object('backend pid', %s::text, 'application', "
            "'pgvigil/other/act', 'indexes before', '') returning id",
            str(backend.info.backend_pid),
        )
        meanwhile = await stage.executor().reconcile()
    afterwards = await stage.executor().reconcile()

    assert meanwhile == ()
    assert afterwards == ()


async def test_an_interrupted_vacuum_is_judged_by_the_statistics(stage: Stage) -> None:
    action = await stage.table_action("vacuum", "vacuum (skip_locked) {}")
    executor = stage.executor(options=replace(QUICK, verify_timeout=timedelta(0)))
    await executor.propose(action, ActionMode.AUTO)
    await stage.run(
        "update monitoring.actions set state = 'executing', "
        'verified = \'{{"last vacuum": ""}}\''
    )

    (entry,) = await executor.reconcile()

    assert entry.state is ActionState.FAILED_CLEAN
    assert entry.detail == "It was interrupted."
