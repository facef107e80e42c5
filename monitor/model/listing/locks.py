"""Who waits for whom, as trees, and the locks by mode.

Source: pg_stat_activity and pg_blocking_pids; pg_locks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.model.blocking import PREPARED_TRANSACTION, queues
from monitor.model.listing import identity
from monitor.model.rows.backends import BackendRow
from monitor.model.rows.locks import LocksRow
from monitor.model.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendEntry:
    """One backend in a queue; `depth` is 0 for the one all others wait for.

    Rows follow each other as in a drawn tree. Only the pid is known of a blocker
    that is no client backend, and `what` says so.
    """

    depth: int
    pid: int
    what: str
    database: str
    role: str
    application: str
    state: str
    wait_event: str
    wait_seconds: float | None
    xact_seconds: float | None
    queryid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One blocking backend with all that wait for it, directly or not."""

    id: str
    target: str
    root_pid: int
    victims: int
    longest_wait_seconds: float
    backends: tuple[BackendEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntry:
    """Locks of one mode on one kind of object in one database."""

    target: str
    database: str
    mode: str
    locktype: str
    is_granted: bool
    locks: int


def blocking(view: View) -> tuple[QueueEntry, ...]:
    """Return the queues of waiting backends, longest wait first."""
    rows = {row.pid: row for row in view.rows(BackendRow)}
    return tuple(
        QueueEntry(
            id=identity(view.target.name, queue.root_pid),
            target=view.target.name,
            root_pid=queue.root_pid,
            victims=len(queue.victims),
            longest_wait_seconds=queue.longest_wait_seconds,
            backends=tuple(_tree(queue.root_pid, rows)),
        )
        for queue in queues(rows.values())
    )


def _tree(root: int, rows: Mapping[int, BackendRow]) -> list[BackendEntry]:
    """Return the tree behind a root, each backend once, in depth-first order."""
    waiting: dict[int, list[int]] = {}
    for row in rows.values():
        for blocker in row.blocked_by:
            waiting.setdefault(blocker, []).append(row.pid)
    found: list[BackendEntry] = []
    seen: set[int] = set()
    stack = [(root, 0)]
    while stack:
        pid, depth = stack.pop()
        if pid in seen:
            continue
        seen.add(pid)
        found.append(_backend(pid, depth, rows.get(pid)))
        behind = sorted(waiting.get(pid, ()), reverse=True)
        stack.extend((victim, depth + 1) for victim in behind)
    return found


def _backend(pid: int, depth: int, row: BackendRow | None) -> BackendEntry:
    wait = f"{row.wait_event_type}: {row.wait_event}" if row else ""
    query_id = row.query_id if row else None
    return BackendEntry(
        depth=depth,
        pid=pid,
        what=_what(pid, row),
        database=row.datname if row else "",
        role=row.usename if row else "",
        application=row.application_name if row else "",
        state=row.state if row else "",
        wait_event=wait if row and row.wait_event_type else "",
        wait_seconds=row.wait_seconds if row else None,
        xact_seconds=row.xact_seconds if row else None,
        queryid=str(query_id) if query_id is not None else None,
    )


def _what(pid: int, row: BackendRow | None) -> str:
    if row is not None:
        return row.backend_type
    return "prepared transaction" if pid == PREPARED_TRANSACTION else "unknown backend"


def locks(view: View) -> tuple[LockEntry, ...]:
    """Return the locks by mode, those that are awaited first."""
    entries = (
        LockEntry(
            target=view.target.name,
            database=row.datname,
            mode=row.mode,
            locktype=row.locktype,
            is_granted=row.granted == "true",
            locks=row.locks,
        )
        for row in view.rows(LocksRow)
    )
    return tuple(sorted(entries, key=lambda e: (e.is_granted, -e.locks, e.mode)))
