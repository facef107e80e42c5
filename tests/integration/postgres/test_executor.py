"""Actions on real servers: done, verified, undone, refused."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from monitor.errors import ActionFailed
from monitor.model.action import (
    ActionMode,
    ActionState,
    JournalEntry,
    Refusal,
    Statement,
)
from monitor.model.finding import Evidence
from monitor.postgres.acting import ActionExecutor
from monitor.postgres.dry_run import DryRunExecutor
from tests.integration.postgres.stage import (
    DDL,
    NOW,
    OWNER,
    QUICK,
    Stage,
    perform,
)
from tests.servers import Cluster

ANALYZE = "analyze (skip_locked) {}"
VACUUM = "vacuum (skip_locked, truncate off) {}"


@pytest.mark.pg
@pytest.mark.requirement("S8.2.2-a")
async def test_analyze_is_done_and_verified_by_the_statistics(stage: Stage) -> None:
    action = await stage.table_action("analyze", ANALYZE)

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.DONE, entry.detail
    assert entry.verified["analyze at"]
    query = "select reltuples from pg_class where oid = %s"
    assert await stage.value(query, action.oid) == 10_000


@pytest.mark.pg
@pytest.mark.requirement("S8.2.2-a")
async def test_vacuum_is_done_and_verified_by_the_statistics(stage: Stage) -> None:
    await stage.run("delete from public.orders where id > 4000")
    action = await stage.table_action("vacuum", VACUUM)

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.DONE, entry.detail
    assert entry.verified["vacuum at"]


@pytest.mark.pg
@pytest.mark.requirement("S8.2.1-c")
async def test_an_index_is_dropped_and_its_undo_builds_the_very_same(
    stage: Stage,
) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor()

    dropped = await perform(executor, action)
    was_there = await stage.is_valid(action.oid)
    undone = await executor.undo(dropped.id, "ann")

    assert (dropped.state, was_there) == (ActionState.DONE, None)
    assert undone.state is ActionState.UNDONE, undone.detail
    again = await stage.oid("orders_spare_idx")
    assert await stage.value("select pg_get_indexdef(%s)", again) == action.definition
    assert undone.verified["undone by"] == "ann"


@pytest.mark.pg
@pytest.mark.requirement("S8.2.1-c")
async def test_an_index_is_created_and_its_undo_drops_it(stage: Stage) -> None:
    executor = stage.executor()

    created = await perform(
        executor, await stage.create("orders_id_idx", "id", "spare")
    )
    oid = await stage.oid("orders_id_idx")
    was_valid = await stage.is_valid(oid)
    undone = await executor.undo(created.id, "ann")

    assert created.state is ActionState.DONE, created.detail
    assert was_valid
    assert created.verified["index oid"] == str(oid)
    assert undone.state is ActionState.UNDONE, undone.detail
    assert await stage.is_valid(oid) is None


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_an_invalid_leftover_is_dropped_and_another_stays(stage: Stage) -> None:
    for name in ("orders_spare_idx", "orders_customer_idx"):
        await stage.value(
            "update pg_index set indisvalid = false where indexrelid = %s "
            "returning indexrelid",
            await stage.oid(name),
        )
    foreign = await stage.oid("orders_customer_idx")
    action = await stage.drop("orders_spare_idx", kind="drop_invalid_index")

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.DONE, entry.detail
    assert await stage.is_valid(action.oid) is None
    assert await stage.is_valid(foreign) is False


@pytest.mark.pg
async def test_the_role_becomes_the_owner_for_the_statement_only(stage: Stage) -> None:
    executor = stage.executor()

    entry = await perform(executor, await stage.create("orders_id_idx", "id"))

    assert entry.state is ActionState.DONE, entry.detail
    owner = await stage.value(
        "select pg_get_userbyid(relowner)::text from pg_class where oid = %s",
        await stage.oid("orders_id_idx"),
    )
    assert owner == OWNER
    assert (await perform(executor, await stage.drop("orders_id_idx"))).state is (
        ActionState.DONE
    )


@pytest.mark.pg
async def test_without_membership_nothing_is_done(stage: Stage) -> None:
    await stage.run("revoke {} from {}", OWNER, DDL)
    action = await stage.drop("orders_spare_idx")

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.APPROVED
    assert "neither act on it nor become its owner" in entry.detail
    assert await stage.is_valid(action.oid)


@pytest.mark.pg
@pytest.mark.promise(3)
async def test_an_index_that_could_not_be_built_again_is_not_dropped(
    stage: Stage,
) -> None:
    await stage.run("revoke create on schema public from public, {}", OWNER)
    action = await stage.drop("orders_spare_idx")

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.APPROVED
    assert "the way or the way back" in entry.detail
    assert await stage.is_valid(action.oid)


@pytest.mark.pg
async def test_a_statement_that_is_skipped_with_a_warning_is_a_failure(
    stage: Stage,
) -> None:
    action = await stage.table_action("analyze", ANALYZE)
    forbidden = replace(action, statement=Statement("analyze pg_catalog.pg_authid"))
    executor = stage.executor(options=replace(QUICK, verify_timeout=timedelta(0)))

    entry = await perform(executor, forbidden)

    assert entry.state is ActionState.FAILED_CLEAN
    assert "WARNING" in entry.detail


@pytest.mark.pg
async def test_a_statement_that_fails_leaves_a_clean_table(stage: Stage) -> None:
    action = await stage.create("orders_id_idx", "missing")

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.FAILED_CLEAN
    assert "does not exist" in entry.detail
    assert await stage.oid("orders_id_idx") is None


REFUSALS = [
    ("It has another name", "alter index public.orders_spare_idx rename to other"),
    (
        "Its definition is not",
        "alter index public.orders_spare_idx set (fillfactor = 50)",
    ),
    (
        "needs it",
        "alter table public.orders cluster on orders_spare_idx",
    ),
    ("The index is gone", "drop index public.orders_spare_idx"),
    ("pgvigil:keep", "comment on index public.orders_spare_idx is 'pgvigil:keep'"),
    (
        "became invalid",
        """
        update pg_index set indisvalid = false
        where indexrelid = 'public.orders_spare_idx'::regclass
        """,
    ),
    (
        "Uniqueness, a foreign key",
        """
        create table public.parent (id integer primary key);
        insert into public.parent select generate_series(1, 10000);
        alter table public.orders add foreign key (spare) references public.parent
        """,
    ),
]


@pytest.mark.pg
@pytest.mark.promise(3)
@pytest.mark.parametrize(("reason", "change"), REFUSALS)
async def test_what_changed_since_the_plan_stops_a_drop(
    stage: Stage, reason: str, change: str
) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    await stage.admin.execute(change.encode())

    (entry,) = await executor.run_due(NOW)

    assert entry.state is ActionState.EXPIRED
    assert reason in entry.detail


@pytest.mark.pg
@pytest.mark.promise(3)
@pytest.mark.parametrize(
    ("covering", "expected"),
    [
        ("orders_customer_idx", ActionState.DONE),
        ("orders_spare_idx", ActionState.EXPIRED),
    ],
)
async def test_a_replaced_index_is_dropped_only_beside_its_replacement(
    stage: Stage, covering: str, expected: ActionState
) -> None:
    evidence = (Evidence("covering index oid", await stage.oid(covering)),)
    action = await stage.drop("orders_spare_idx", evidence=evidence)

    entry = await perform(stage.executor(), action)

    assert entry.state is expected, entry.detail


@pytest.mark.pg
@pytest.mark.promise(3)
async def test_a_unique_index_is_never_dropped_for_lack_of_use(stage: Stage) -> None:
    await stage.run("create unique index orders_unique_idx on public.orders (id)")
    action = await stage.drop("orders_unique_idx")

    entry = await perform(stage.executor(), action)

    assert entry.state is ActionState.EXPIRED
    assert await stage.is_valid(action.oid)


@pytest.mark.pg
@pytest.mark.promise(1)
async def test_a_long_transaction_on_the_table_makes_it_wait(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    holder = await psycopg.AsyncConnection.connect(stage.superuser)
    async with holder:
        await holder.execute("select count(*) from public.orders")
        waiting = await perform(stage.executor(), action)
    done = await perform(stage.opened[0], action)

    assert waiting.state is ActionState.APPROVED
    assert "A transaction has held a lock" in waiting.detail
    assert done.state is ActionState.DONE, done.detail


@pytest.mark.pg
async def test_ddl_or_autovacuum_on_the_table_makes_it_wait(stage: Stage) -> None:
    action = await stage.table_action("vacuum", VACUUM)
    holder = await psycopg.AsyncConnection.connect(stage.superuser)
    async with holder:
        await holder.execute("lock table public.orders in share update exclusive mode")
        waiting = await perform(stage.executor(), action)

    assert waiting.state is ActionState.APPROVED
    assert "Autovacuum, a build or DDL" in waiting.detail


@pytest.mark.pg
@pytest.mark.promise(4)
async def test_a_build_that_runs_into_its_lock_timeout_leaves_nothing(
    stage: Stage,
) -> None:
    other = await psycopg.AsyncConnection.connect(stage.superuser)
    async with other:
        await other.execute("set transaction isolation level repeatable read")
        await other.execute("select 1 from pg_catalog.pg_class limit 1")
        # The build waits for this snapshot last, when the index is there already.
        entry = await perform(
            stage.executor(), await stage.create("orders_id_idx", "id")
        )

    assert entry.state is ActionState.FAILED_CLEAN, entry.detail
    assert "lock" in entry.detail
    assert await stage.oid("orders_id_idx") is None


@pytest.mark.pg
async def test_a_build_does_not_begin_beside_an_old_snapshot(stage: Stage) -> None:
    # From 16 a grant is inherited as the role was when it was given.
    await stage.run("alter role {} inherit", DDL)
    await stage.run("grant pg_read_all_stats to {}", DDL)
    other = await psycopg.AsyncConnection.connect(stage.superuser)
    async with other:
        await other.execute("set transaction isolation level repeatable read")
        await other.execute("select 1 from pg_catalog.pg_class limit 1")
        executor = stage.executor(options=replace(QUICK, old_snapshot=timedelta(0)))
        entry = await perform(executor, await stage.create("orders_id_idx", "id"))

    await stage.run("revoke pg_read_all_stats from {}", DDL)
    assert entry.state is ActionState.APPROVED
    assert "hold up the build" in entry.detail


@pytest.mark.pg
async def test_what_could_not_be_looked_at_is_in_the_journal(stage: Stage) -> None:
    entry = await perform(
        stage.executor(), await stage.table_action("analyze", ANALYZE)
    )

    assert entry.verified["not known"] == (
        "free disk space; the age of other roles' transactions"
    )


@pytest.mark.pg
async def test_a_taken_name_stops_a_build_and_the_other_index_stays(
    stage: Stage,
) -> None:
    action = await stage.create("orders_id_idx", "id")
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    await stage.run("create index orders_id_idx on public.orders (spare)")

    (entry,) = await executor.run_due(NOW)

    assert entry.state is ActionState.EXPIRED
    assert await stage.is_valid(await stage.oid("orders_id_idx"))


@pytest.mark.pg
async def test_a_renamed_table_stops_upkeep_and_builds(stage: Stage) -> None:
    executor = stage.executor()
    for action in (
        await stage.table_action("analyze", ANALYZE),
        await stage.create("orders_id_idx", "id"),
    ):
        await executor.propose(action, ActionMode.AUTO)
    await stage.run("alter table public.orders rename to other")

    moved = await executor.run_due(NOW)

    assert [entry.state for entry in moved] == [ActionState.EXPIRED] * 2


async def test_a_dropped_table_expires_what_was_planned(stage: Stage) -> None:
    action = await stage.table_action("analyze", ANALYZE)
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    await stage.run("drop table public.orders")

    (entry,) = await executor.run_due(NOW)

    assert entry.state is ActionState.EXPIRED


@pytest.mark.promise(12)
@pytest.mark.pg
async def test_two_daemons_never_both_act(stage: Stage) -> None:
    first = stage.executor(instance="one")
    second = stage.executor(instance="two")
    action = await stage.drop("orders_spare_idx")

    proposed = await first.propose(action, ActionMode.AUTO)
    refused = await second.propose(action, ActionMode.AUTO)
    nothing = await second.run_due(NOW)
    done = await first.run_due(NOW)

    assert isinstance(proposed, JournalEntry)
    assert isinstance(refused, Refusal)
    assert refused.rule == "not_leader"
    assert nothing == ()
    assert [entry.state for entry in done] == [ActionState.DONE]


@pytest.mark.promise(12)
async def test_daemons_with_different_control_databases_do_not_both_act(
    stage: Stage, cluster: Cluster
) -> None:
    first = stage.executor()
    await first.propose(await stage.drop("orders_spare_idx"), ActionMode.DRY_RUN)
    elsewhere = await psycopg.AsyncConnection.connect(
        cluster.conninfo("postgres"), autocommit=True
    )
    async with elsewhere:
        # What another daemon's lead looks like from here: the same lock, elsewhere.
        await first.close()
        await elsewhere.execute("select pg_advisory_lock(1885828713, 1)")
        refused = await stage.executor().propose(
            await stage.drop("orders_spare_idx"), ActionMode.AUTO
        )

    assert isinstance(refused, Refusal)
    assert refused.rule == "not_leader"


@pytest.mark.promise(12)
async def test_the_lead_passes_on_when_its_session_ends(stage: Stage) -> None:
    first, second = stage.executor(), stage.executor()
    action = await stage.drop("orders_spare_idx")
    await first.propose(action, ActionMode.AUTO)
    await first.close()

    entry = await perform(second, action)

    assert entry.state is ActionState.DONE


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_a_superuser_does_not_act_unless_allowed(stage: Stage) -> None:
    action = await stage.table_action("analyze", ANALYZE)
    refused = await stage.executor(user="postgres").propose(action, ActionMode.AUTO)
    allowed = stage.executor(
        user="postgres", options=replace(QUICK, allow_superuser=True)
    )

    entry = await perform(allowed, action)

    assert isinstance(refused, Refusal)
    assert refused.rule == "superuser"
    assert entry.state is ActionState.DONE


@pytest.mark.pg
@pytest.mark.promise(18)
async def test_without_a_journal_nothing_is_done(stage: Stage) -> None:
    await stage.run("drop schema monitoring cascade")
    executor = stage.executor()

    refused = await executor.propose(
        await stage.drop("orders_spare_idx"), ActionMode.AUTO
    )

    assert isinstance(refused, Refusal)
    assert refused.rule == "no_journal"
    assert await executor.run_due(NOW) == ()
    assert executor.problem


@pytest.mark.promise(18)
async def test_a_journal_that_cannot_be_written_stops_everything(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    await stage.run("revoke update on monitoring.actions from {}", DDL)

    moved = await executor.run_due(NOW)

    assert moved == ()
    assert await stage.is_valid(action.oid)
    assert "may not write the journal" in executor.problem


@pytest.mark.promise(18)
async def test_a_journal_whose_writing_fails_stops_the_statement(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    executor = stage.executor()
    await executor.propose(action, ActionMode.AUTO)
    await stage.run(
        "create function public.full_disk() returns trigger language plpgsql as "
        "'begin raise sqlstate ''53100'' using message = ''no space''; end'"
    )
    await stage.run(
        "create trigger full_disk before update on monitoring.actions "
        "for each row when (new.state = 'executing') "
        "execute function public.full_disk()"
    )

    await executor.run_due(NOW)

    assert await stage.is_valid(action.oid)
    assert "no space" in executor.problem


async def test_modes_decide_how_far_a_proposal_goes(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")

    off = await executor.propose(action, ActionMode.OFF)
    dry = await executor.propose(action, ActionMode.DRY_RUN)
    again = await executor.propose(action, ActionMode.DRY_RUN)
    asking = await executor.propose(action, ActionMode.APPROVE)
    moved = await executor.run_due(NOW)

    assert isinstance(off, Refusal)
    assert await stage.state(dry) is ActionState.REPORTED
    assert again == dry
    assert await stage.state(asking) is ActionState.AWAITING_APPROVAL
    assert moved == ()
    assert await stage.is_valid(action.oid)


async def test_an_approved_action_runs_and_names_who_approved(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")
    asking = await executor.propose(action, ActionMode.APPROVE)
    assert isinstance(asking, JournalEntry)

    approved = await executor.approve(asking.id, "ann")
    done = await perform(executor, action)

    assert (approved.state, approved.actor) == (ActionState.APPROVED, "ann")
    assert done.state is ActionState.DONE
    assert done.id == asking.id


async def test_an_approval_does_not_outlive_the_proposal(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")
    asking = await executor.propose(action, ActionMode.APPROVE)
    assert isinstance(asking, JournalEntry)
    await executor.run_due(NOW)
    await executor.approve(asking.id, "ann")

    moved = await executor.run_due(NOW)

    assert moved == ()
    assert await stage.is_valid(action.oid)


async def test_a_rejected_action_is_closed_and_stays_so(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")
    asking = await executor.propose(action, ActionMode.APPROVE)
    assert isinstance(asking, JournalEntry)

    rejected = await executor.reject(asking.id, "ann")
    again = await executor.propose(action, ActionMode.AUTO)

    assert rejected.state is ActionState.REJECTED
    assert again == rejected
    with pytest.raises(ActionFailed, match="does not await"):
        await executor.approve(asking.id, "bob")


async def test_unknown_ids_and_impossible_undos_are_errors(stage: Stage) -> None:
    executor = stage.executor()
    done = await perform(executor, await stage.table_action("analyze", ANALYZE))

    with pytest.raises(LookupError):
        await executor.approve(999, "ann")
    with pytest.raises(LookupError):
        await executor.undo(999, "ann")
    with pytest.raises(ActionFailed, match="cannot undo"):
        await executor.undo(done.id, "ann")


async def test_an_undo_that_is_not_possible_any_more_says_so(stage: Stage) -> None:
    executor = stage.executor()
    created = await perform(executor, await stage.create("orders_id_idx", "id"))
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))
    await stage.run("drop index public.orders_id_idx")
    await stage.run("create index orders_spare_idx on public.orders (id)")

    with pytest.raises(ActionFailed, match="It is gone"):
        await executor.undo(created.id, "ann")
    with pytest.raises(ActionFailed, match="name is taken"):
        await executor.undo(dropped.id, "ann")


async def test_the_gate_is_asked_right_before_acting(stage: Stage) -> None:
    action = await stage.drop("orders_spare_idx")
    paused = Refusal(
        kind="drop_index",
        target="",
        database="",
        schema="",
        name="",
        rule="paused",
        reason="Every action is paused.",
    )
    executor = stage.executor(gate=lambda _entry, _history, _now: paused)
    await executor.propose(action, ActionMode.AUTO)

    assert await executor.run_due(NOW) == ()
    assert await stage.is_valid(action.oid)


async def test_an_action_planned_before_a_failover_expires(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")
    await executor.propose(action, ActionMode.AUTO)
    await stage.run("update monitoring.actions set epoch = '000000FF'")

    (entry,) = await executor.run_due(NOW)

    assert entry.state is ActionState.EXPIRED
    assert "Another server has taken over" in entry.detail


async def test_what_waited_too_long_expires(stage: Stage) -> None:
    executor = stage.executor()
    await executor.propose(await stage.drop("orders_spare_idx"), ActionMode.APPROVE)
    await stage.run("update monitoring.actions set expires_at = now() - interval '1 s'")

    (entry,) = await executor.run_due(NOW)

    assert entry.state is ActionState.EXPIRED


async def test_a_failure_ends_the_round(stage: Stage) -> None:
    executor = stage.executor()
    bad = await stage.table_action("analyze", "analyse_no_such_word {}")
    good = await stage.drop("orders_spare_idx")
    await executor.propose(bad, ActionMode.AUTO)
    await executor.propose(good, ActionMode.AUTO)

    moved = await executor.run_due(NOW)

    assert [entry.state for entry in moved] == [ActionState.FAILED_CLEAN]
    assert await stage.is_valid(good.oid)


HOSTILE = ['quo"te', "per%s", "new\nline", "{}", "ü" * 31, "a" * 63, "x'y", "; --"]


@pytest.mark.pg
@pytest.mark.promise(15)
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_names_are_only_names(stage: Stage, name: str) -> None:
    await stage.run("alter table public.orders rename column id to {}", name)
    executor = stage.executor()

    created = await perform(executor, await stage.create(name, name))
    dropped = await perform(executor, await stage.drop(name))
    undone = await executor.undo(dropped.id, "ann")

    assert created.state is ActionState.DONE, created.detail
    assert dropped.state is ActionState.DONE, dropped.detail
    assert undone.state is ActionState.UNDONE, undone.detail
    assert created.action.name == name


async def test_a_stored_definition_that_is_none_is_not_run(stage: Stage) -> None:
    executor = stage.executor()
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))
    await stage.run("update monitoring.actions set definition = 'drop table orders'")

    with pytest.raises(ActionFailed, match="stored definition"):
        await executor.undo(dropped.id, "ann")

    assert await stage.oid("orders")


async def test_a_second_statement_in_a_definition_is_refused(stage: Stage) -> None:
    executor = stage.executor()
    dropped = await perform(executor, await stage.drop("orders_spare_idx"))
    await stage.run(
        "update monitoring.actions set definition = definition || '; drop table orders'"
    )

    entry = await executor.undo(dropped.id, "ann")

    assert entry.state is ActionState.DONE
    assert "multiple commands" in entry.detail
    assert await stage.oid("orders")


async def test_the_journal_keeps_evidence_and_statement(stage: Stage) -> None:
    executor = stage.executor()
    action = await stage.drop("orders_spare_idx")
    await executor.propose(action, ActionMode.DRY_RUN)

    (entry,) = await executor.history()

    assert entry.sql == 'drop index concurrently "public"."orders_spare_idx"'
    assert entry.undo_sql.startswith("CREATE INDEX CONCURRENTLY orders_spare_idx")
    assert entry.action.evidence == action.evidence


async def test_history_is_what_was_last_read_while_the_server_is_away(
    stage: Stage,
) -> None:
    executor = stage.executor()
    await executor.propose(await stage.drop("orders_spare_idx"), ActionMode.DRY_RUN)
    before = await executor.history()
    await stage.run("alter role {} nologin", DDL)
    await executor.close()

    after = await executor.history()

    await stage.run("alter role {} login", DDL)
    assert before == after != ()
    assert executor.problem


async def test_a_dry_run_only_reports(stage: Stage) -> None:
    executor: ActionExecutor = DryRunExecutor()
    action = await stage.drop("orders_spare_idx")

    entry = await executor.propose(action, ActionMode.AUTO)
    again = await executor.propose(action, ActionMode.AUTO)

    assert isinstance(entry, JournalEntry)
    assert (entry.state, entry.mode) == (ActionState.REPORTED, ActionMode.DRY_RUN)
    assert again is entry
    assert await executor.history() == (entry,)
    assert await executor.run_due(NOW) == await executor.reconcile() == ()
    for answer in (executor.approve, executor.reject, executor.undo):
        with pytest.raises(ActionFailed):
            await answer(entry.id, "ann")
        with pytest.raises(LookupError):
            await answer(99, "ann")
    await executor.close()
    assert await stage.is_valid(action.oid)
