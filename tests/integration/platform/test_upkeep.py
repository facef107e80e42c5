"""The daily work on a platform: seen by the monitoring, done by the executor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest

from monitor.maintenance.planner import Choices, agenda
from monitor.maintenance.policy import Policy
from monitor.model.action import Action, ActionMode, ActionState, JournalEntry
from monitor.model.finding import Finding, Remedy
from monitor.postgres.access import ACCESS
from tests import servers
from tests.collecting import bench
from tests.integration.platform.keeping import Keeper, keeping
from tests.integration.platform.rows import (
    add_conversation,
    add_item,
    rows,
    say,
    scalar,
)
from tests.judging import Court
from tests.platform import Connection, Platform, add_user
from tests.servers import Cluster

pytestmark = pytest.mark.pg(">=15")

NOW = datetime.now(UTC)
KIND = "expire_assignments"
ASSIGN = """
insert into public.content_assignments (
    content_item_id, user_id, assigned_by, assignment_type, starts_at, expires_at
)
values (
    %s, %s, %s, 'optional', now() - interval '9 days', now() + %s::interval
)
"""
ACTIVE = """
select extract(day from expires_at - starts_at)::integer
from public.content_assignments
where is_active
order by 1
"""


@dataclass
class Daily:
    """A platform that the monitoring role watches and an executor works on."""

    keeper: Keeper
    court: Court

    @property
    def owner(self) -> Connection:
        return self.keeper.platform.owner

    async def findings(self, check: str, collector: str) -> tuple[Finding, ...]:
        await self.court.read("catalog", collector)
        return self.court.judge(check)

    async def plan(self, mode: ActionMode = ActionMode.AUTO) -> list[Action]:
        await self.court.read("catalog", "assignments")
        choices = Choices(policy=Policy(mode=mode))
        planned = agenda(self.court.view(), (), choices, ())
        return [p.action for p in planned.proposals if p.action.kind == KIND]


@pytest.fixture
async def daily(platform: Platform, cluster: Cluster) -> AsyncIterator[Daily]:
    async with await psycopg.AsyncConnection.connect(
        platform.admin_conninfo, autocommit=True
    ) as admin:
        await servers.create_reader(admin)
    async with keeping(platform, cluster) as keeper:
        await platform.owner.execute(ACCESS)
        reader = servers.reader_credentials(cluster, platform.database)
        async with bench(reader) as at:
            yield Daily(keeper, Court(at))


async def assign(owner: Connection, *ends: str) -> None:
    author = await add_user(owner, email="author@x.example")
    for end in ends:
        item = await add_item(owner, author)
        await owner.execute(ASSIGN, [item, author, author, end])


@pytest.mark.requirement("S2.4.2-e")
async def test_what_ended_is_counted_and_marked_inactive(daily: Daily) -> None:
    await assign(daily.owner, "-3 days", "-1 hour", "1 day")
    (found,) = await daily.findings("expired_assignments", "assignments")
    (planned,) = await daily.plan()

    entry = await daily.keeper.perform(planned)

    assert found.value == 2
    assert entry.state is ActionState.DONE, entry
    assert entry.verified["marked inactive"] == "2"
    assert await rows(daily.owner, ACTIVE) == [(10,)]
    assert await daily.plan() == []


@pytest.mark.requirement("S2.4.2-e")
async def test_what_ended_just_now_waits_for_its_turn(daily: Daily) -> None:
    await assign(daily.owner, "-1 hour")

    assert await daily.findings("expired_assignments", "assignments") == ()
    assert await daily.plan() == []


@pytest.mark.requirement("S2.4.2-e")
async def test_a_dry_run_marks_nothing(daily: Daily) -> None:
    await assign(daily.owner, "-3 days")
    (planned,) = await daily.plan(ActionMode.DRY_RUN)

    entry = await daily.keeper.executor.propose(planned, ActionMode.DRY_RUN)
    await daily.keeper.executor.run_due(NOW)

    assert isinstance(entry, JournalEntry)
    assert entry.state is ActionState.REPORTED
    assert entry.sql == "select monitoring.expire_assignments()"
    assert await rows(daily.owner, ACTIVE) == [(6,)]


@pytest.mark.requirement("S2.4.2-e")
@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        (
            "update public.content_assignments set is_active = false",
            ActionState.EXPIRED,
            "No assignment has ended any more.",
        ),
        (
            "alter table public.content_assignments rename to assignments",
            ActionState.EXPIRED,
            "It has another name by now.",
        ),
        (
            "drop function monitoring.expire_assignments()",
            ActionState.EXPIRED,
            "It is not the platform's.",
        ),
        (
            "alter table public.content_assignments owner to pgvigil_reader",
            ActionState.APPROVED,
            "The functions belong to a role that is no administrator.",
        ),
        (
            (
                "revoke execute on function monitoring.assignment_figures()"
                " from pgvigil_ddl"
            ),
            ActionState.APPROVED,
            "Our role may not call monitoring.assignment_figures().",
        ),
    ],
)
async def test_it_is_refused_when_things_are_not_as_planned(
    daily: Daily, change: str, state: ActionState, reason: str
) -> None:
    await assign(daily.owner, "-3 days")
    (planned,) = await daily.plan()
    await daily.owner.execute(change.encode())

    entry = await daily.keeper.perform(planned)

    assert entry.state is state
    assert reason in entry.detail


@pytest.mark.requirement("S2.4.2-e")
async def test_rows_that_somebody_holds_are_not_waited_for_long(daily: Daily) -> None:
    await assign(daily.owner, "-3 days")
    (planned,) = await daily.plan()

    async with daily.owner.transaction():
        await daily.owner.execute("select from public.content_assignments for update")
        entry = await daily.keeper.perform(planned)

    assert entry.state is ActionState.FAILED_CLEAN
    assert await rows(daily.owner, ACTIVE) == [(6,)]


@pytest.mark.requirement("S2.3.1-d")
async def test_counters_that_drift_are_reported_and_the_remedy_mends_them(
    daily: Daily,
) -> None:
    owner = daily.owner
    user = await add_user(owner, email="a@x.example")
    right, wrong = [await add_conversation(owner, user) for _ in range(2)]
    for conversation in (right, wrong):
        for _ in range(3):
            await say(owner, conversation, tokens_used=10, cost_cents=5)
    before = await daily.findings("counter_drift", "conversations")
    await owner.execute("set session_replication_role = replica")
    await owner.execute(
        "delete from public.conversation_messages"
        " where conversation_id = %s and sequence_number = 2",
        [wrong],
    )
    await owner.execute("reset session_replication_role")

    (found,) = await daily.findings("counter_drift", "conversations")
    await owner.execute(cast("Remedy", found.remedy).sql.encode())

    counted: Any = await rows(
        owner,
        "select message_count, total_tokens, estimated_cost::float8"
        " from public.conversations where id = %s",
        wrong,
    )
    assert before == ()
    assert {e.name: e.value for e in found.evidence} == {"drifting": 1, "looked at": 2}
    assert counted == [(2, 20, 0.1)]
    assert await daily.findings("counter_drift", "conversations") == ()


@pytest.mark.requirement("S2.3.1-d")
async def test_what_began_longer_ago_is_not_read_again_and_again(daily: Daily) -> None:
    owner = daily.owner
    user = await add_user(owner, email="a@x.example")
    await owner.execute(
        "insert into public.conversations"
        " (user_id, started_at, created_date, message_count)"
        " select %s, m.at, (m.at at time zone 'UTC')::date, 5"
        " from (select now() - interval '8 days' as at) as m",
        [user],
    )

    found = await daily.findings("counter_drift", "conversations")

    assert found == ()
    assert await scalar(
        owner, "select count(*) from monitoring.reconcile_conversations()"
    )


@pytest.mark.requirement("S2.4.2-e", "S2.3.1-d")
async def test_without_the_platform_nothing_is_read_and_nothing_fails(
    cluster: Cluster, database: str, daily: Daily
) -> None:
    assert daily.owner is not None

    async with bench(servers.reader_credentials(cluster, database)) as at:
        readings = [
            (await at.collect(name)).readings[0]
            for name in ("assignments", "conversations")
        ]

    assert [reading.rows for reading in readings] == [(), ()]
