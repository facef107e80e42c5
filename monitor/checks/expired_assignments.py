"""Content assignments of the platform have ended and are still marked active.

## Meaning

Assignments whose `expires_at` is over. They give nobody access any more, whatever
they are marked: the policies look at the time.

## If ignored

Each keeps its place: the same content cannot be assigned anew to the same user or
organization. Lists that go by `is_active` alone show too many.

## How to look

Run `select * from public.content_assignments where is_active and expires_at <= now()`
in the platform's database, as its owner.

## How to fix

Action `expire_assignments` marks them inactive, every night in the maintenance window
where its mode is auto; or call its function as the owner:

    select monitoring.expire_assignments();

## How to silence

Raise `thresholds.expired_assignments.min_assignments`, or set `.enabled` to false.

## Thresholds

`min_assignments`: one is enough. `min_hours`: a nightly job has had its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.rows.assignments import AssignmentsRow
from monitor.model.threshold import Parameters
from monitor.model.units import duration, number
from monitor.model.view import View

UNIT = "assignments"
SEVERITIES = (Severity.INFO,)
NEEDS = (AssignmentsRow,)

_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How many count, and how long ago the first one must have ended."""

    min_assignments: float = 1
    min_hours: float = 28


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per platform with assignments that have ended."""
    for datname, rows in view.per_database(AssignmentsRow):
        for row in rows:
            if row.expired < thresholds.min_assignments:
                continue
            if row.longest_seconds < thresholds.min_hours * _AN_HOUR:
                continue
            yield Finding(
                severity=Severity.INFO,
                database=datname,
                object=ObjectRef("table", "public", "content_assignments"),
                summary=f"{number(row.expired)} assignments have ended and are active",
                evidence=(
                    Evidence("expired", row.expired, "assignments"),
                    Evidence("first ended", f"{duration(row.longest_seconds)} ago"),
                ),
                remedy=Remedy(
                    sql="select monitoring.expire_assignments();",
                    lock="RowExclusiveLock",
                    risk="None: what they gave has ended with their time.",
                ),
                value=float(row.expired),
            )
