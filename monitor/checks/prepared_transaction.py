"""A prepared transaction has been left behind.

## Meaning

A transaction that was prepared for two-phase commit and neither committed nor
rolled back. It belongs to no session, survives restarts, and keeps its locks and
its snapshot.

## If ignored

Its locks block others without a backend to blame, VACUUM removes nothing that
died since, and in the end transaction ids run out.

## How to look

    select gid, prepared, owner, database
    from pg_catalog.pg_prepared_xacts
    order by prepared;

## How to fix

Ask the transaction manager what became of it, then commit or roll it back by its
gid, connected to its database as its owner. If nothing here uses two-phase
commit, set `max_prepared_transactions` to 0.

## How to silence

Raise `thresholds.prepared_transaction.warning` and `.critical`, or mute the
finding.

## Thresholds

5 min and 1 h: between the two phases of a live coordinator lie milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_literal
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.threshold import Levels
from monitor.model.units import duration
from monitor.model.view import View

UNIT = "seconds"
NEEDS = (HorizonRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Seconds since the oldest transaction was prepared."""

    warning: float = 300
    critical: float = 3600


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for the oldest prepared transaction, if it is old."""
    for row in view.rows(HorizonRow):
        if row.cause != "prepared" or row.age_seconds is None:
            continue
        severity = thresholds.severity(row.age_seconds)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("prepared_transaction", name=row.holder),
            summary=(
                f'prepared transaction "{row.holder}" has been left open for '
                f"{duration(row.age_seconds)}"
            ),
            evidence=(
                Evidence("time since it was prepared", row.age_seconds, "seconds"),
                Evidence("xmin horizon held back", row.xmin_age, "transactions"),
            ),
            unknowns=("Whether there are younger ones: only the oldest is read.",),
            remedy=Remedy(
                sql=f"rollback prepared {quote_literal(row.holder)};",
                risk="Discards its work; its coordinator may want it committed.",
            ),
            value=row.age_seconds,
        )
