"""Transactions are aborted because of deadlocks.

## Meaning

How many deadlocks a database resolved in the check interval by aborting one of
the transactions (SQLSTATE 40P01).

## If ignored

Somebody's work fails each time, after waiting for `deadlock_timeout`. Under load
deadlocks multiply, because retries collide again.

## How to look

    select datname, deadlocks
    from pg_catalog.pg_stat_database
    where deadlocks > 0;

The server's log names the statements of both sides.

## How to fix

Let all transactions lock in the same order (sort ids before updating), keep them
short, and index foreign keys so that deletes lock few tuples.

## How to silence

Raise `thresholds.deadlocks.warning` and `.critical`, or mute the finding.

## Thresholds

1 and 20 in the interval: each one is a failed transaction; twenty in five minutes
are a feature that does not work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, plural
from monitor.model.view import View

UNIT = "deadlocks"
NEEDS_RATES = (DatabaseRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Deadlocks in the check interval."""

    warning: float = 1
    critical: float = 20


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per database in which deadlocks happened."""
    delta = view.recent(DatabaseRow)
    if delta is None:
        return
    window = timedelta(seconds=delta.seconds)
    for row in delta.rows:
        count = row.deadlocks_total
        severity = thresholds.severity(count)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("database", name=row.datname),
            summary=(
                f"{plural(count, 'deadlock')} in database {quote_ident(row.datname)} "
                f"within {duration(delta.seconds)}"
            ),
            evidence=(Evidence("deadlocks", count, "deadlocks", window),),
            unknowns=("Which statements: they are in the server's log.",),
            remedy=Remedy(
                sql=(
                    "select name, setting\nfrom pg_catalog.pg_settings\n"
                    "where name in ('log_lock_waits', 'deadlock_timeout', "
                    "'log_directory');"
                ),
                risk="Reads only; shows where the statements are logged.",
            ),
            value=float(count),
        )
