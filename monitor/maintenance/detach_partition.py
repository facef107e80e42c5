"""Take the partition of a month out of a table when its retention has passed.

Off unless `tables` names the table. The rows are not deleted: what was the partition
stays as a table of its own, which can be exported (`platform export partition`) before
`drop_partition`, or an operator, drops it. Detaching takes AccessExclusiveLock on the
table (it cannot be CONCURRENTLY beside a default partition), for a few milliseconds;
it waits for it for half of deadlock_timeout at most (0.5 s), then lets everybody pass
and tries again, twenty times. The undo attaches it again, which reads its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from monitor.maintenance import partitioning
from monitor.maintenance.case import Case
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Evidence, Finding
from monitor.model.months import month_in, month_of, name_of, shifted
from monitor.model.view import View

STATEMENT = Statement("select app_private.detach_partition({}, {})")
UNDO = Statement("select app_private.attach_detached({}, {})")
LOCK = "AccessExclusiveLock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which tables have a retention, as `schema.table`, and of how many full months."""

    tables: tuple[str, ...] = ()
    months: float = 13

    def is_past(self, month: date, today: date) -> bool:
        """Say whether the retention of a month has passed."""
        return month < shifted(month_of(today), -int(self.months))


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the oldest month past its retention of each table that has one."""
    del findings
    for datname, row in partitioning.platform_tables(view):
        if f"{row.schemaname}.{row.relname}" not in options.tables:
            continue
        months = (month_in(row.relname, name) for name in row.names)
        past = [m for m in months if m and options.is_past(m, view.now.date())]
        if past:
            kind = "detach_partition"
            yield partitioning.subject(view, datname, row, kind, min(past))


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one month, or the rule that speaks against it."""
    case = Case(kind="detach_partition", finding=finding, view=view)
    row, relation = partitioning.row_of(case), case.relation()
    if refusal := partitioning.obstacle(case, row):
        return refusal
    if row is None or relation is None:
        return case.refuse("unknown", "The table is not in the catalog any more.")
    month = partitioning.month_in(case)
    name = name_of(row.relname, month)
    table = f"{row.schemaname}.{row.relname}"
    for rule, reason, is_broken in (
        (
            "no_retention",
            "The table has no retention.",
            table not in options.tables,
        ),
        (
            "retention",
            "Its retention has not passed.",
            not options.is_past(month, view.now.date()),
        ),
        ("gone", "There is no such partition any more.", name not in row.names),
    ):
        if is_broken:
            return case.refuse(rule, reason)
    return case.act(
        relation,
        partitioning.call(row, STATEMENT, [month]),
        LOCK,
        name=relation.relname,
        undo=partitioning.call(row, UNDO, [month]),
        evidence=(
            Evidence(partitioning.MONTH, month.isoformat()),
            Evidence(partitioning.PARTITION, name),
        ),
    )
