"""Fills the platform with as many users and messages as a load test needs.

Rows are computed on the server, batch by batch, each batch in a transaction of its
own: memory stays the same however many there are, and one that fails takes nothing
else back. Where the role may set `session_replication_role` triggers and foreign key
checks stay silent, because counting each message under its conversation's lock takes
most of the time; the rows then carry what the triggers would have made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from monitor.demo import population_statements as statements
from monitor.demo import population_talk as talk
from monitor.errors import ActionFailed
from monitor.postgres.deadline import bounded
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

Progress = Callable[[str, int, int], None]
"""Takes what is being made, how many there are, and how many there will be."""

BATCH_SECONDS = 900.0
PROFILES_AN_ORGANIZATION = 250
PROFILES_AN_ITEM = 10
FEWEST_ITEMS = 50

_REPLICA: LiteralString = (
    "select pg_catalog.set_config('session_replication_role', 'replica', true)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """How much to generate; the same values give the same rows.

    Messages lie in the 27 days before `until`, for which there are partitions.
    """

    profiles: int
    messages: int
    until: datetime
    seed: int = 1

    @property
    def organizations(self) -> int:
        """Return how many organizations the users are spread over."""
        return max(1, self.profiles // PROFILES_AN_ORGANIZATION)

    @property
    def items(self) -> int:
        """Return how many content items they have made."""
        return max(FEWEST_ITEMS, self.profiles // PROFILES_AN_ITEM)

    @property
    def conversations(self) -> int:
        """Return how many conversations the messages fill, the last one in part."""
        return -(-self.messages // talk.MESSAGES_A_CONVERSATION)


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of rows: how many, how many at a time, by which statements."""

    name: str
    total: int
    batch: int
    statements: tuple[LiteralString, ...]

    def batches(self) -> Iterator[tuple[int, int]]:
        """Yield the first and last number of each batch."""
        for first in range(1, self.total + 1, self.batch):
            yield first, min(first + self.batch - 1, self.total)


def steps(population: Population, *, with_triggers: bool) -> tuple[Step, ...]:
    """Return what is generated, in the order that references need.

    Without triggers messages come before their conversations, which are then
    written once, with their counters.
    """
    said = (talk.MESSAGES, talk.CONVERSATIONS)
    return (
        Step(
            "organizations",
            population.organizations,
            5_000,
            (statements.ORGANIZATIONS,),
        ),
        Step(
            "users",
            population.profiles,
            20_000,
            (statements.USERS, statements.PROFILES),
        ),
        Step("content items", population.items, 5_000, (statements.ITEMS,)),
        Step("assignments", population.items, 20_000, (statements.ASSIGNMENTS,)),
        Step(
            "conversations",
            population.conversations,
            2_500,
            said[::-1] if with_triggers else said,
        ),
    )


async def generate(
    session: Session,
    population: Population,
    progress: Progress,
    *,
    with_triggers: bool = False,
    beside_real_users: bool = False,
) -> bool:
    """Fill the platform; return whether its triggers were in force.

    They are when asked for, and where the role may not silence them.

    Raises:
        ActionFailed: this seed's rows, or real users, are there already.
        TargetError: the server refused a statement; earlier batches stay.
    """
    connection = session.connection
    try:
        await _refuse(connection, population, beside_real_users=beside_real_users)
        fires = with_triggers or not await _may_silence(connection)
        for step in steps(population, with_triggers=fires):
            for first, last in step.batches():
                work = _batch(connection, population, step, first, last, fires=fires)
                await bounded(connection, work, seconds=BATCH_SECONDS)
                progress(step.name, last, step.total)
        await bounded(
            connection,
            connection.execute(statements.CLEAN_UP),
            seconds=BATCH_SECONDS,
        )
    except psycopg.Error as error:
        raise translate(error, what="generate rows for a load test") from error
    return fires


async def _refuse(
    connection: psycopg.AsyncConnection[Any],
    population: Population,
    *,
    beside_real_users: bool,
) -> None:
    cursor = await connection.execute(
        statements.IS_THERE, {"seed": str(population.seed)}
    )
    row = await cursor.fetchone()
    if row is None or row[0]:
        raise ActionFailed(
            f"rows of seed {population.seed} are there already",
            hint="Choose another --seed, or an empty platform.",
        )
    if row[1] and not beside_real_users:
        raise ActionFailed(
            "the platform has users who were not generated",
            hint="Generate into a platform of its own; to mix them all the same, "
            "repeat with --beside-real-users.",
        )


async def _may_silence(connection: psycopg.AsyncConnection[Any]) -> bool:
    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(_REPLICA)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


async def _batch(
    connection: psycopg.AsyncConnection[Any],
    population: Population,
    step: Step,
    first: int,
    last: int,
    *,
    fires: bool,
) -> None:
    values = {
        "first": first,
        "last": last,
        "seed": str(population.seed),
        "until": population.until,
        "profiles": population.profiles,
        "organizations": population.organizations,
        "items": population.items,
        "messages": population.messages,
        "messages_a_conversation": talk.MESSAGES_A_CONVERSATION,
    }
    async with connection.transaction():
        await connection.execute(
            "select pg_catalog.set_config('statement_timeout', '0', true)"
        )
        if not fires:
            await connection.execute(_REPLICA)
        for statement in step.statements:
            await connection.execute(statement, values)
