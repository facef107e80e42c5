"""Backends wait for a lock that another one holds.

## Meaning

One finding per root blocker: the backend at the head of a queue, which itself
waits for nobody. Its victims wait for it directly or behind others that do. The
figure is how long the most patient victim has waited.

## If ignored

A queue grows: whoever needs the same table lines up behind the first waiter, even
for locks that would not conflict with the holder. Pools run dry within minutes.

## How to look

    select pid, pg_catalog.pg_blocking_pids(pid) as blocked_by, state, query
    from pg_catalog.pg_stat_activity
    where pg_catalog.cardinality(pg_catalog.pg_blocking_pids(pid)) > 0;

## How to fix

Ask the owner of the root blocker to commit or roll back. Failing that, cancel its
statement, or terminate it when it is idle in a transaction; its transaction is
rolled back. Then find out why it held the lock so long: DDL without
`lock_timeout` and transactions left open are the usual causes.

## How to silence

Raise `thresholds.blocked_backends.warning` and `.critical`, or mute the finding.

## Thresholds

30 s and 5 min: `deadlock_timeout` has long passed, and 30 s is when many
applications give up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.blocking import PREPARED_TRANSACTION, Queue, queues
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident
from monitor.model.rows.backends import BackendRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, plural
from monitor.model.view import View

UNIT = "seconds"
NEEDS = (BackendRow,)

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Seconds that the longest victim has waited."""

    warning: float = 30
    critical: float = 300


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per root blocker with victims that wait too long."""
    for queue in queues(view.rows(BackendRow)):
        severity = thresholds.severity(queue.longest_wait_seconds)
        if severity is None or not queue.victims:
            continue
        yield Finding(
            severity=severity,
            database=queue.victims[0].datname,
            object=ObjectRef("backend", name=str(queue.root_pid)),
            summary=(
                f"{_name(queue)} blocks {plural(len(queue.victims), 'backend')}, "
                f"the longest for {duration(queue.longest_wait_seconds)}"
            ),
            evidence=_evidence(queue),
            unknowns=_unknowns(queue),
            remedy=_remedy(queue),
            value=queue.longest_wait_seconds,
        )


def _name(queue: Queue) -> str:
    if queue.root_pid == PREPARED_TRANSACTION:
        return "a prepared transaction"
    root = queue.root
    if root is None:
        return f"backend {queue.root_pid}"
    if root.usename:
        role = f"role {quote_ident(root.usename)}, "
    else:
        role = f"{root.backend_type}, "
    return f"backend {queue.root_pid} ({role}{root.state or 'state unknown'})"


def _evidence(queue: Queue) -> tuple[Evidence, ...]:
    evidence = [
        Evidence("blocked backends", len(queue.victims), "backends"),
        Evidence("longest wait", queue.longest_wait_seconds, "seconds"),
        Evidence("longest chain", queue.depth, "backends"),
    ]
    if queue.root is not None and queue.root.xact_seconds is not None:
        age = Evidence("root's transaction age", queue.root.xact_seconds, "seconds")
        evidence.append(age)
    if queue.root is not None and queue.root.application_name:
        name = Evidence("root's application", queue.root.application_name)
        evidence.append(name)
    longest = sorted(queue.victims, key=lambda v: -(v.wait_seconds or 0.0))
    evidence.extend(_victim(victim) for victim in longest[:_NAMED])
    return tuple(evidence)


def _victim(row: BackendRow) -> Evidence:
    wait = duration(row.wait_seconds or 0.0)
    role = quote_ident(row.usename) if row.usename else row.backend_type
    return Evidence(f"victim {row.pid}", f"{role}, waits {wait} for {row.wait_event}")


def _unknowns(queue: Queue) -> tuple[str, ...]:
    if queue.root_pid == PREPARED_TRANSACTION:
        return ("Which prepared transaction it is: see pg_prepared_xacts.",)
    if queue.root is None:
        return ("Who the root blocker is: it was gone or invisible when we looked.",)
    return ()


def _remedy(queue: Queue) -> Remedy:
    if queue.root_pid == PREPARED_TRANSACTION:
        return Remedy(
            sql=(
                "select gid, prepared, owner, database\n"
                "from pg_catalog.pg_prepared_xacts\norder by prepared;"
            ),
            risk="Reads only; then COMMIT PREPARED or ROLLBACK PREPARED by its gid.",
        )
    if queue.root is not None and queue.root.state == "active":
        return Remedy(
            sql=f"select pg_catalog.pg_cancel_backend({queue.root_pid});",
            risk="The statement fails with 57014; its work so far is rolled back.",
        )
    return Remedy(
        sql=f"select pg_catalog.pg_terminate_backend({queue.root_pid});",
        risk="The client loses its connection; its transaction is rolled back.",
    )
