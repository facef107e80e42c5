"""A pooler is what it does."""

from __future__ import annotations

from itertools import count

import pytest

from monitor.model.server import Pooler
from monitor.postgres.pooler import TURNS, classify, is_pooled


def test_same_process_id_means_no_pooler() -> None:
    assert not is_pooled(4711, 4711)


def test_another_process_id_means_a_pooler() -> None:
    assert is_pooled(4711, 4712)


def test_one_backend_for_each_connection_is_a_session_pooler() -> None:
    pids = [1 if turn == "a" else 2 for turn in TURNS]

    assert classify(TURNS, pids) is Pooler.SESSION


def test_a_shared_backend_is_a_transaction_pooler() -> None:
    assert classify(TURNS, [1] * len(TURNS)) is Pooler.TRANSACTION


def test_one_exception_is_enough_for_a_transaction_pooler() -> None:
    pids = [1 if turn == "a" else 2 for turn in TURNS[:-1]]

    assert classify(TURNS, [*pids, 3]) is Pooler.TRANSACTION


@pytest.mark.parametrize("backends", range(2, 12))
def test_backends_given_in_rotation_are_a_transaction_pooler(backends: int) -> None:
    rotation = count()
    pids = [next(rotation) % backends for _ in TURNS]

    assert classify(TURNS, pids) is Pooler.TRANSACTION
