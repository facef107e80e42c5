"""Every person, table, command and kind of row: policies and privileges alone."""

from __future__ import annotations

from itertools import product

import pytest

from tests.integration.platform import policy_matrix
from tests.integration.platform.policy_stage import seed
from tests.platform import Platform


@pytest.mark.pg(">=15")
@pytest.mark.requirement(
    "S2.1.2-e",
    "S2.4.1-d",
    "S3-c",
    "S3-p1",
    "S3-p2",
    "S3-p3",
    "S3-p4",
    "S3-p5",
    "S3-p7",
    "S3.1.2-c",
    "S3.1.2-d",
    "S3.1.4-b",
)
async def test_everyone_reaches_exactly_the_rows_of_the_table(
    platform: Platform,
) -> None:
    expected = policy_matrix.expected()

    async with platform.owner.transaction(force_rollback=True):
        await seed(platform.owner)
        await platform.owner.execute(policy_matrix.ATTEMPT)
        await platform.owner.execute("set local session_replication_role = replica")
        actual = await policy_matrix.actual(platform.owner, expected)

    assert list(map(str, actual)) == list(map(str, expected))


@pytest.mark.requirement("S3-c")
async def test_the_table_tries_every_command_on_every_table(
    platform: Platform,
) -> None:
    cursor = await platform.owner.execute(
        """
        select c.relname
        from pg_class as c
        where
            c.relnamespace = 'public'::regnamespace
            and c.relkind in ('r', 'p')
            and c.relname <> 'audit_logs'
        """
    )
    tables = [name for (name,) in await cursor.fetchall()]

    tried = {
        (case.table, case.command.partition(":")[0])
        for case in policy_matrix.expected()
    }

    assert tried == set(product(tables, ("select", "insert", "update", "delete")))


@pytest.mark.requirement("S3-a", "S3-p8")
async def test_nothing_is_open_to_whoever_is_not_signed_in() -> None:
    open_to = {name for case in policy_matrix.expected() for name in case.persons} & {
        "anon",
        "stranger",
        "inactive",
    }

    assert open_to == set()
