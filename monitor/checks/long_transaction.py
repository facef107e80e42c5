"""A transaction has been working for a long time.

## Meaning

A client's transaction that is executing statements, counted from its start.
Transactions that are open but idle are the subject of `idle_in_transaction`;
autovacuum, replication and parallel workers are left out.

## If ignored

VACUUM cannot remove what died since the transaction took its snapshot, so tables
bloat; its locks stay; on a standby it delays replay or is cancelled.

## How to look

    select pid, usename, application_name, xact_start, query
    from pg_catalog.pg_stat_activity
    where xact_start is not null
    order by xact_start
    limit 10;

## How to fix

A backup (`pg_dump`) or a report may be meant to take this long: move it to a
standby. A job can commit in batches. Anything else can be cancelled.

## How to silence

Raise `thresholds.long_transaction.warning` and `.critical`, or mute the finding.

## Thresholds

30 min and 4 h: longer than interactive work and ordinary batches; after 4 h of a
busy server's updates the bloat takes a rebuild to undo.
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
    """Seconds since the transaction began."""

    warning: float = 1800
    critical: float = 14400


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per client whose working transaction is old."""
    for row in view.rows(BackendRow):
        if row.backend_type != "client backend" or row.is_own:
            continue
        if row.xact_seconds is None or row.state.startswith("idle"):
            continue
        severity = thresholds.severity(row.xact_seconds)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("backend", name=str(row.pid)),
            summary=(
                f"transaction of backend {row.pid} (role {quote_ident(row.usename)}) "
                f"has been working for {duration(row.xact_seconds)}"
            ),
            evidence=tuple(_evidence(row, row.xact_seconds)),
            remedy=Remedy(
                sql=f"select pg_catalog.pg_cancel_backend({row.pid});",
                risk="The statement fails with 57014; its transaction is rolled back.",
            ),
            value=row.xact_seconds,
        )


def _evidence(row: BackendRow, seconds: float) -> Iterator[Evidence]:
    yield Evidence("transaction age", seconds, "seconds")
    if row.query_seconds is not None:
        yield Evidence("current statement's age", row.query_seconds, "seconds")
    if row.xmin_age is not None:
        yield Evidence("xmin horizon held back", row.xmin_age, "transactions")
    if row.query_id is not None:
        yield Evidence("queryid", str(row.query_id))
    if row.application_name:
        yield Evidence("application", row.application_name)
