"""Actions on partitions: done, undone, refused, interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import psycopg
import pytest

from monitor.maintenance import detach_partition, drop_partition
from monitor.model.action import Action, ActionMode, ActionState, JournalEntry, Refusal
from monitor.model.months import name_of, shifted
from monitor.model.target import Credentials
from monitor.postgres.act_sessions import ActAccess
from monitor.postgres.executor import Executor
from tests.integration.platform.keeping import (
    FAR,
    LATER,
    MESSAGES,
    MONTH,
    NOW,
    Keeper,
    action,
    conversation,
    keeping,
    move_action,
    until,
    write,
)
from tests.integration.postgres.stage import QUICK, always
from tests.platform import Platform
from tests.servers import Cluster

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S-P1")]


@pytest.fixture
async def keeper(platform: Platform, cluster: Cluster) -> AsyncIterator[Keeper]:
    async with keeping(platform, cluster) as made:
        yield made


async def test_a_dry_run_creates_nothing(keeper: Keeper) -> None:
    before = await keeper.partitions()
    planned = action("create_partition", await keeper.plan(LATER), MESSAGES)

    entry = await keeper.executor.propose(planned, ActionMode.DRY_RUN)
    await keeper.executor.run_due(NOW)

    assert isinstance(entry, JournalEntry)
    assert entry.state is ActionState.REPORTED
    assert entry.sql.startswith(
        "select app_private.create_partition('public.conversation_messages', '"
    )
    assert await keeper.partitions() == before


async def test_the_undo_removes_an_empty_partition_only(keeper: Keeper) -> None:
    first, second, *_ = [
        a
        for a in await keeper.plan(LATER)
        if isinstance(a, Action) and a.name == MESSAGES
    ]
    entries = [await keeper.perform(each) for each in (first, second)]
    month = date.fromisoformat(str(second.evidence[0].value))
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, month, 1)

    undone = await keeper.executor.undo(entries[0].id, "ann")
    kept = await keeper.executor.undo(entries[1].id, "ann")

    assert (undone.state, undone.verified["partition"]) == (ActionState.UNDONE, "gone")
    assert (kept.state, kept.verified["partition"]) == (ActionState.DONE, "attached")
    assert "holds rows" in kept.detail


async def test_an_old_month_is_detached_taken_back_and_dropped(keeper: Keeper) -> None:
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, shifted(MONTH, -1), 3)
    tables = ("public.conversation_messages",)
    old = name_of(MESSAGES, shifted(MONTH, -1))
    view = await keeper.view()
    detaching = detach_partition.Options(tables=tables, months=0)
    (subject,) = detach_partition.subjects(view, (), detaching)
    planned = detach_partition.plan(subject, view, detaching)
    assert isinstance(planned, Action)

    detached = await keeper.perform(planned)
    left = await keeper.value("select count(*) from public.conversation_messages")
    exported = await keeper.value(f"select count(*) from app_partitions.{old}")
    undone = await keeper.executor.undo(detached.id, "ann")
    again = await keeper.value("select count(*) from public.conversation_messages")

    assert (detached.state, left, exported) == (ActionState.DONE, 0, 3), detached.detail
    assert (undone.state, again) == (ActionState.UNDONE, 3), undone.detail

    await keeper.platform.owner.execute(
        "select app_private.detach_partition('public.conversation_messages', %s)",
        [shifted(MONTH, -1)],
    )
    view = await keeper.view()
    dropping = drop_partition.Options(tables=tables, months=0)
    (subject,) = drop_partition.subjects(view, (), dropping)
    planned = drop_partition.plan(subject, view, dropping)
    assert isinstance(planned, Action)

    dropped = await keeper.perform(planned)

    assert (dropped.state, dropped.verified["partition"]) == (ActionState.DONE, "gone")


async def test_an_attached_partition_is_never_dropped(keeper: Keeper) -> None:
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="attached"):
        await keeper.platform.owner.execute(
            "select app_private.drop_detached('public.conversation_messages', %s)",
            [MONTH],
        )


async def test_a_detached_table_with_rows_is_not_replaced(keeper: Keeper) -> None:
    owner = keeper.platform.owner
    await write(owner, await conversation(keeper.platform), MONTH, 1)
    await owner.execute(
        "select app_private.detach_partition('public.conversation_messages', %s)",
        [MONTH],
    )

    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="holds rows"):
        await owner.execute(
            "select app_private.create_partition('public.conversation_messages', %s)",
            [MONTH],
        )
    refused = [a for a in await keeper.plan() if isinstance(a, Refusal)]

    assert [(r.kind, r.rule) for r in refused] == [("create_partition", "detached")]


async def test_what_an_interruption_left_is_taken_away(keeper: Keeper) -> None:
    owner = keeper.platform.owner
    await owner.execute(
        "select app_private.prepare_partition('public.conversation_messages', %s)",
        [FAR],
    )

    await owner.execute(
        "select app_private.create_partition('public.conversation_messages', %s)", [FAR]
    )

    assert name_of(MESSAGES, FAR) in await keeper.partitions()
    with pytest.raises(psycopg.errors.DuplicateTable):
        await owner.execute(
            "select app_private.create_partition('public.conversation_messages', %s)",
            [FAR],
        )


@pytest.mark.promise(4)
@pytest.mark.parametrize(
    "waits_for", [MESSAGES, f"{MESSAGES}_default", "conversations"]
)
async def test_a_move_that_is_killed_leaves_every_row_where_it_was(
    keeper: Keeper, waits_for: str
) -> None:
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, FAR, 50)
    before = await keeper.partitions()
    schema = "app_partitions" if waits_for.endswith("default") else "public"
    async with (
        await psycopg.AsyncConnection.connect(keeper.platform.conninfo) as holder,
        await psycopg.AsyncConnection.connect(
            keeper.platform.conninfo, autocommit=True
        ) as mover,
    ):
        await holder.execute(
            f"lock table only {schema}.{waits_for} in share mode".encode()
        )
        move = asyncio.create_task(
            mover.execute(
                "call app_private.move_default_rows("
                "'public.conversation_messages', %s, %s)",
                [MONTH, shifted(FAR, 1)],
            )
        )
        await until(
            keeper,
            "select count(*) from pg_locks where not granted and pid = "
            f"{mover.info.backend_pid}",
        )
        await keeper.value("select pg_terminate_backend(%s)", mover.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            await move

    assert await keeper.partitions() == before
    default = await keeper.value(
        "select count(*) from only app_partitions.conversation_messages_default"
    )
    assert default == 50
    moving = await keeper.perform(await move_action(keeper))
    assert moving.state is ActionState.DONE, moving.detail
    assert await keeper.value("select count(*) from public.conversation_messages") == 50


async def test_a_lock_that_is_never_free_ends_the_action_cleanly(
    keeper: Keeper,
) -> None:
    before = await keeper.partitions()
    planned = action("create_partition", await keeper.plan(LATER), MESSAGES)
    proposed = await keeper.executor.propose(planned, ActionMode.AUTO)
    assert isinstance(proposed, JournalEntry)
    async with await psycopg.AsyncConnection.connect(
        keeper.platform.conninfo
    ) as holder:
        await holder.execute("lock table public.conversations in share mode")
        (entry,) = await keeper.executor.run_due(NOW)

    assert entry.state is ActionState.FAILED_CLEAN
    assert "lock timeout" in entry.detail
    assert await keeper.partitions() == before


async def test_pg_partman_makes_hands_off_until_the_last_moment(keeper: Keeper) -> None:
    planned = action("create_partition", await keeper.plan(LATER), MESSAGES)
    async with await psycopg.AsyncConnection.connect(
        keeper.platform.admin_conninfo, autocommit=True
    ) as admin:
        await admin.execute("create schema partman")
        await admin.execute("create table partman.part_config (parent_table text)")

    entry = await keeper.perform(planned)
    refused = await keeper.plan(LATER)

    assert (entry.state, entry.detail) == (
        ActionState.EXPIRED,
        "pg_partman is installed.",
    )
    assert {r.rule for r in refused if isinstance(r, Refusal)} == {"partman"}
    assert not [a for a in refused if isinstance(a, Action)]


async def test_procedures_of_a_role_that_is_no_administrator_are_not_called(
    keeper: Keeper,
) -> None:
    planned = action("create_partition", await keeper.plan(LATER), MESSAGES)
    async with await psycopg.AsyncConnection.connect(
        keeper.platform.admin_conninfo, autocommit=True
    ) as admin:
        await admin.execute("create role mallory")
        await admin.execute(
            "alter function app_private.create_partition(regclass, date) "
            "owner to mallory"
        )

        entry = await keeper.perform(planned)

        await admin.execute("drop owned by mallory cascade")
        await admin.execute("drop role mallory")
    assert entry.state is ActionState.APPROVED
    assert "no administrator" in entry.detail


async def test_a_tenants_administrator_is_served_as_well(
    platform_by_tenant: Platform,
) -> None:
    # Schema monitoring is its own, so nobody else would trust the journal there.
    access = ActAccess(
        credentials=Credentials(conninfo=platform_by_tenant.conninfo), instance="test"
    )
    executor = Executor(access, gate=always, options=QUICK)
    keeper = Keeper(platform_by_tenant, executor)
    there = await conversation(keeper.platform)
    await write(keeper.platform.owner, there, FAR, 10)

    moved = await keeper.perform(await move_action(keeper))
    planned = action("create_partition", await keeper.plan(LATER), "audit_logs")
    created = await keeper.perform(planned)
    await executor.close()

    assert moved.state is ActionState.DONE, moved.detail
    assert created.state is ActionState.DONE, created.detail
