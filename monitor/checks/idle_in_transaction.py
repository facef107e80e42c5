"""A transaction is open while its client does nothing.

## Meaning

The client sent a statement, has its result, and neither commits nor goes on. The
figure is the time since that last statement, not since the transaction began.

## If ignored

Every lock the transaction took stays: the next ALTER TABLE waits for it and all
readers wait behind that. VACUUM cannot clean up either.

## How to look

    select pid, usename, application_name, state, state_change, query
    from pg_catalog.pg_stat_activity
    where state like 'idle in transaction%'
    order by state_change;

## How to fix

Terminate the backend, then mend the client: a missing commit in an error path, a
remote call inside a transaction, autocommit switched off in a console. Set
`idle_in_transaction_session_timeout` for the role, so that the server does it.

## How to silence

Raise `thresholds.idle_in_transaction.warning` and `.critical`, or mute the
finding.

## Thresholds

1 min and 10 min: between two statements of a healthy transaction lie
milliseconds, so a minute is already a mistake or a person at a console.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident
from monitor.model.rows.backends import BackendRow
from monitor.model.threshold import Levels
from monitor.model.units import duration
from monitor.model.view import View

UNIT = "seconds"
NEEDS = (BackendRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Seconds since the last statement of an open transaction."""

    warning: float = 60
    critical: float = 600


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per client that left its transaction open."""
    for row in view.rows(BackendRow):
        if row.is_own or not row.state.startswith("idle in transaction"):
            continue
        idle = row.state_seconds
        severity = thresholds.severity(idle) if idle is not None else None
        if idle is None or severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("backend", name=str(row.pid)),
            summary=(
                f"backend {row.pid} (role {quote_ident(row.usename)}) has left its "
                f"transaction open and idle for {duration(idle)}"
            ),
            evidence=tuple(_evidence(row, idle)),
            remedy=Remedy(
                sql=f"select pg_catalog.pg_terminate_backend({row.pid});",
                risk="The client loses its connection; its transaction is rolled back.",
            ),
            value=idle,
        )


def _evidence(row: BackendRow, idle: float) -> Iterator[Evidence]:
    yield Evidence("idle in transaction", idle, "seconds")
    if row.xact_seconds is not None:
        yield Evidence("transaction age", row.xact_seconds, "seconds")
    if row.xmin_age is not None:
        yield Evidence("xmin horizon held back", row.xmin_age, "transactions")
    if row.application_name:
        yield Evidence("application", row.application_name)
    if row.client_addr:
        yield Evidence("client address", row.client_addr)
