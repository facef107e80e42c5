"""Create the partitions of the months ahead before their first row arrives.

The platform's own function does it, all or nothing: the new table gets columns,
checks, indexes, row level security and no grants, then it is attached. Measured in
the transaction (pg_locks), creating and attaching hold: AccessExclusiveLock on the
default partition, on the new table and its indexes; ShareRowExclusiveLock on the
table and on those that foreign keys reference; nothing stronger. So readers of the
table go on unless they look into the default partition, and writers wait while it is
attached, some ten milliseconds. It waits for these locks for half of
deadlock_timeout at most (0.5 s), gives up those it has, and tries again, twenty times.
The undo detaches and drops the partition if it is still empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.maintenance import partitioning
from monitor.maintenance.case import Case
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Evidence, Finding
from monitor.model.months import months_from, name_of
from monitor.model.view import View

STATEMENT = Statement("select app_private.create_partition({}, {})")
UNDO = Statement("select app_private.remove_empty_partition({}, {})")
LOCK = "AccessExclusiveLock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How many months after this one have a partition.

    Attaching reads the whole default partition while writers wait, so one with
    more than `max_default_tuples` is left to an operator.
    """

    months_ahead: float = 3
    max_default_tuples: float = 1_000_000


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield each month that lacks a partition, whatever the checks found."""
    del findings
    months = tuple(months_from(view.now.date(), int(options.months_ahead) + 1))
    for datname, row in partitioning.platform_tables(view):
        for month in months:
            if partitioning.covered(row, month) != "wholly":
                kind = "create_partition"
                yield partitioning.subject(view, datname, row, kind, month)


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one month, or the rule that speaks against it."""
    case = Case(kind="create_partition", finding=finding, view=view)
    row, relation = partitioning.row_of(case), case.relation()
    if refusal := partitioning.obstacle(case, row):
        return refusal
    if row is None or relation is None:
        return case.refuse("unknown", "The table is not in the catalog any more.")
    month = partitioning.month_in(case)
    name = name_of(row.relname, month)
    extent = partitioning.covered(row, month)
    for rule, reason, is_broken in (
        ("exists", "The month has a partition.", extent == "wholly"),
        ("overlap", "A partition covers a part of the month.", extent == "partly"),
        (
            "detached",
            "What was its partition is there, detached.",
            name in row.detached,
        ),
        (
            "too_large",
            "The default partition holds so many rows that attaching takes long.",
            (row.default_tuples or 0) > options.max_default_tuples,
        ),
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
