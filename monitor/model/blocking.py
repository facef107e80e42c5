"""Who waits for whom, and who stands at the head of each queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.rows.backends import BackendRow

PREPARED_TRANSACTION = 0
"""The pid that pg_blocking_pids gives for a prepared transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One root blocker and every backend that waits for it, directly or not.

    `root` is None when nothing more than its pid is known. `depth` is the length
    of the longest chain. In a deadlock the lowest pid of the circle is the root.
    """

    root_pid: int
    root: BackendRow | None
    victims: tuple[BackendRow, ...]
    depth: int

    @property
    def longest_wait_seconds(self) -> float:
        """Return how long the most patient victim has waited."""
        return max((v.wait_seconds or 0.0 for v in self.victims), default=0.0)


def queues(backends: Iterable[BackendRow]) -> tuple[Queue, ...]:
    """Return the queues behind each root blocker, longest wait first."""
    rows = {row.pid: row for row in backends}
    victims: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows.values():
        if row.blocked_by and not row.is_own:
            for root, depth in _roots(row, rows).items():
                victims[root][row.pid] = depth
    found = (
        Queue(
            root_pid=root,
            root=rows.get(root),
            victims=tuple(rows[pid] for pid in sorted(behind) if pid != root),
            depth=max(behind.values()),
        )
        for root, behind in victims.items()
    )
    return tuple(sorted(found, key=lambda q: (-q.longest_wait_seconds, q.root_pid)))


def _roots(start: BackendRow, rows: dict[int, BackendRow]) -> dict[int, int]:
    """Return the root blockers of one backend, each with its distance."""
    roots: dict[int, int] = {}
    distance = {start.pid: 0}
    frontier = [start.pid]
    while frontier:
        pid = frontier.pop(0)
        blockers = rows[pid].blocked_by if pid in rows else ()
        if not blockers:
            roots[pid] = distance[pid]
        for blocker in blockers:
            if blocker not in distance:
                distance[blocker] = distance[pid] + 1
                frontier.append(blocker)
    # Nobody in the walk stands free: it ends in a circle.
    return roots or {_lowest_in_circle(distance, rows): max(distance.values())}


def _lowest_in_circle(pids: Iterable[int], rows: dict[int, BackendRow]) -> int:
    """Return the lowest pid among those that everybody they wait for waits for."""
    ahead = {pid: _ahead(pid, rows) for pid in pids}
    return min(pid for pid in ahead if all(pid in ahead[other] for other in ahead[pid]))


def _ahead(start: int, rows: dict[int, BackendRow]) -> set[int]:
    """Return every backend that one waits for, directly or not."""
    found: set[int] = set()
    pending = list(rows[start].blocked_by)
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending.extend(rows[pid].blocked_by)
    return found
