"""Move the rows of a default partition to partitions of their own.

The platform's own procedure does it, one transaction for each month: it creates the
partition, moves what is there without a lock on the table, and then, under the locks
that attaching needs, what came meanwhile. All or nothing: whoever reads sees each row
once, an interruption leaves the months done so far. Inserts wait for half of
deadlock_timeout at most (0.5 s) and while the last rows are moved and the partition
is attached; measured with three writers at full speed, 200,000 rows took 9 s and the
longest insert 0.2 s. Whoever changes a row that was moved waits, and makes the move
give up. Locks as for `create_partition`.

Rows further away than `months` are taken for mistakes and stay. There is nothing to
undo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.maintenance import partitioning
from monitor.maintenance.case import Case, named
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Finding
from monitor.model.months import month_of, shifted
from monitor.model.view import View

STATEMENT = Statement("call app_private.move_default_rows({}, {}, {})")
LOCK = "AccessExclusiveLock"
CHECKS = ("partition_default_rows",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of which months around now rows are moved, and how many at most."""

    months: float = 24
    max_default_tuples: float = 1_000_000


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the findings about default partitions of the platform with rows."""
    del options
    ours = {
        (datname, row.schemaname, row.relname)
        for datname, row in partitioning.platform_tables(view)
    }
    for finding in named(findings, CHECKS):
        ref = finding.object
        if (finding.database, ref.schema, ref.name) in ours:
            yield finding


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one table, or the rule that speaks against it."""
    case = Case(kind="move_default_rows", finding=finding, view=view)
    row, relation = partitioning.row_of(case), case.relation()
    if refusal := partitioning.obstacle(case, row):
        return refusal
    if row is None or relation is None:
        return case.refuse("unknown", "The table is not in the catalog any more.")
    if not row.default_tuples:
        return case.refuse("empty", "The default partition holds no rows any more.")
    if row.default_tuples > options.max_default_tuples:
        reason = "It holds so many rows that attaching takes long: move them by hand."
        return case.refuse("too_large", reason)
    month, span = month_of(view.now.date()), int(options.months)
    months = [shifted(month, -span), shifted(month, span + 1)]
    return case.act(
        relation,
        partitioning.call(row, STATEMENT, months),
        LOCK,
        name=relation.relname,
    )
