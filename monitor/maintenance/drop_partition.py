"""Drop what was the partition of a month, detached and past its retention.

Off unless `tables` names the table, and never automatic: mode auto counts as approve,
for there is no undo. Export it first if it is to be kept (`pgvigil platform export
partition`); with `require_export` it is not dropped before. Its own rows and indexes
are locked, and for a moment the tables that it references.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.maintenance import partitioning
from monitor.maintenance.case import Case
from monitor.maintenance.detach_partition import Options as Retention
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Evidence, Finding
from monitor.model.months import month_in, name_of
from monitor.model.view import View

STATEMENT = Statement("select app_private.drop_detached({}, {})")
LOCK = "AccessExclusiveLock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Retention):
    """Which tables it may be done for, and after how many full months.

    One month more than detaching leaves the time to export. With `require_export` it
    must have been, with as many rows as it has when it is dropped.
    """

    months: float = 14
    require_export: bool = False


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the oldest detached month past its time of each table that has one."""
    del findings
    for datname, row in partitioning.platform_tables(view):
        if f"{row.schemaname}.{row.relname}" not in options.tables:
            continue
        months = (month_in(row.relname, name) for name in row.detached)
        past = [m for m in months if m and options.is_past(m, view.now.date())]
        if past:
            kind = "drop_partition"
            yield partitioning.subject(view, datname, row, kind, min(past))


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one month, or the rule that speaks against it."""
    case = Case(kind="drop_partition", finding=finding, view=view)
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
        ("attached", "It is attached.", name in row.names),
        ("gone", "There is no such table any more.", name not in row.detached),
    ):
        if is_broken:
            return case.refuse(rule, reason)
    return case.act(
        relation,
        partitioning.call(row, STATEMENT, [month]),
        LOCK,
        name=relation.relname,
        evidence=(
            Evidence(partitioning.MONTH, month.isoformat()),
            Evidence(partitioning.PARTITION, name),
            *partitioning.proof(is_required=options.require_export),
        ),
    )
