"""Mark assignments inactive that have ended.

The platform's own function does it in one statement. Nobody loses access by it: the
policies look at the time as well. It locks the rows it changes and nothing else, and
frees their place for new assignments. There is nothing to undo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.maintenance.case import Case
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.rows.assignments import AssignmentsRow
from monitor.model.units import number
from monitor.model.view import View

STATEMENT = Statement("select monitoring.expire_assignments()")
LOCK = "RowExclusiveLock"

_AN_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Due is it `min_hours` after the first one ended: once a night, not all along.

    More than `max_assignments` in one transaction are left to an operator.
    """

    min_hours: float = 3
    max_assignments: float = 100_000


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield each platform where assignments have ended, whatever the checks found."""
    del findings
    for datname, rows in view.per_database(AssignmentsRow):
        for row in rows:
            if row.expired and row.longest_seconds >= options.min_hours * _AN_HOUR:
                yield _subject(view, datname, row)


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one database, or the rule that speaks against it."""
    case = Case(kind="expire_assignments", finding=finding, view=view)
    relation = case.relation()
    rows = view.rows(AssignmentsRow, finding.database)
    expired = sum(row.expired for row in rows)
    if view.server.is_standby:
        return case.refuse("standby", "A standby cannot be changed.")
    if relation is None or not rows:
        return case.refuse("unknown", "The platform's assignments cannot be seen.")
    if not expired:
        return case.refuse("none", "None has ended any more.")
    if expired > options.max_assignments:
        reason = "So many at once are an operator's decision."
        return case.refuse("too_many", reason)
    return case.act(relation, STATEMENT, LOCK, name=relation.relname)


def _subject(view: View, datname: str, row: AssignmentsRow) -> Finding:
    """Return what the action is about; not published, the check has other levels."""
    return Finding(
        severity=Severity.INFO,
        object=ObjectRef("table", "public", "content_assignments"),
        summary=f"{number(row.expired)} assignments have ended and are active",
        database=datname,
        evidence=(Evidence("expired", row.expired, "assignments"),),
        check="expire_assignments",
        target=view.target.name,
    )
