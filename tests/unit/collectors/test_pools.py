"""What collectors share and remember stays bounded."""

from __future__ import annotations

import pytest

from monitor.collectors.policy_store import Pool
from monitor.collectors.statement_texts import costliest
from monitor.model.rows.stat_statements import StatementRow
from tests.unit.factories import make

pytestmark = pytest.mark.promise(10)


def test_equal_values_are_shared() -> None:
    pool = Pool()

    first, second = (pool.texts([f"a{1}", "b"]) for _ in range(2))

    assert first is second


def test_a_pool_starts_anew_before_it_is_large() -> None:
    pool = Pool()

    for number in range(250_000):
        pool.share((number,))

    assert len(pool) <= 100_000


def test_the_costliest_statements_come_first_and_once() -> None:
    rows = [
        make(StatementRow, queryid=queryid, exec_time_seconds_total=seconds)
        for queryid, seconds in [(1, 1.0), (2, 5.0), (3, 3.0), (2, 0.5)]
    ]

    assert costliest(rows, 2) == (2, 3)
    assert costliest(rows, 9) == (2, 3, 1)
