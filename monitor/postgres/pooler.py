"""Recognising a connection pooler by what it does, not by its name.

A transaction pooler hands our settings, locks and prepared statements to other
clients, so that a pooler counts as one until it has behaved as a session pooler.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.server import Pooler

# Which of two connections asks next. Askers take turns unevenly: a pooler that
# hands out its server connections in rotation would look stable to even turns.
TURNS = "aabbabaabbba"


def is_pooled(announced_pid: int, actual_pid: int) -> bool:
    """Say whether somebody else answered the startup message.

    A pooler announces a process id of its own making (BackendKeyData).
    """
    return announced_pid != actual_pid


def classify(turns: str, pids: Sequence[int]) -> Pooler:
    """Return a pooler's kind from the backends that two connections were given.

    `turns` says which connection, "a" or "b", got each of `pids`. A session
    pooler gives each connection one backend for good and never shares it while
    that connection is open. Anything less than that seen throughout is taken for
    a transaction pooler, the kind with which more can go wrong.
    """
    given = {
        who: {pid for turn, pid in zip(turns, pids, strict=True) if turn == who}
        for who in "ab"
    }
    has_one_each = all(len(backends) == 1 for backends in given.values())
    if has_one_each and given["a"].isdisjoint(given["b"]):
        return Pooler.SESSION
    return Pooler.TRANSACTION
