from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.model.blocking import queues
from monitor.model.rows.backends import BackendRow
from tests.unit.factories import make

pids = st.integers(0, 6)
graphs = st.dictionaries(st.integers(1, 6), st.lists(pids, max_size=3, unique=True))


def backends(graph: dict[int, list[int]]) -> list[BackendRow]:
    return [
        make(BackendRow, pid=pid, blocked_by=tuple(b for b in blockers if b != pid))
        for pid, blockers in graph.items()
    ]


@given(graphs)
def test_every_waiting_backend_is_behind_some_root(graph: dict[int, list[int]]) -> None:
    rows = backends(graph)

    found = queues(rows)

    waiting = {row.pid for row in rows if row.blocked_by}
    behind = {v.pid for queue in found for v in queue.victims}
    roots = {queue.root_pid for queue in found}
    assert waiting <= behind | roots
    assert behind <= waiting


@given(graphs)
def test_a_root_waits_for_nobody_unless_it_is_in_a_circle(
    graph: dict[int, list[int]],
) -> None:
    rows = backends(graph)

    for queue in queues(rows):
        if queue.root is not None and queue.root.blocked_by:
            assert _reaches(rows, queue.root_pid, queue.root_pid)


def _reaches(rows: list[BackendRow], start: int, goal: int) -> bool:
    blockers = {row.pid: row.blocked_by for row in rows}
    seen: set[int] = set()
    todo = list(blockers.get(start, ()))
    while todo:
        pid = todo.pop()
        if pid == goal:
            return True
        if pid not in seen:
            seen.add(pid)
            todo += blockers.get(pid, ())
    return False


def test_the_root_of_a_deadlock_is_in_it_not_among_those_behind() -> None:
    rows = backends({1: [3], 2: [1], 3: [4], 4: [3]})

    assert [queue.root_pid for queue in queues(rows)] == [3]


def test_depth_is_the_longest_chain() -> None:
    rows = backends({1: [], 2: [1], 3: [2], 4: [1]})

    assert [(q.root_pid, q.depth, len(q.victims)) for q in queues(rows)] == [(1, 2, 3)]
