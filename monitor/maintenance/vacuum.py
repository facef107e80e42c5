"""Make the space of dead tuples reusable.

VACUUM blocks neither reads nor writes. `truncate off` keeps it from the one step
that would lock out readers, and `skip_locked` leaves the table out when somebody
holds a conflicting lock. While an old snapshot, a prepared transaction, a slot or a
standby holds back the horizon it could remove nothing, so it is refused and says who.
There is nothing to undo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

from monitor.maintenance import upkeep
from monitor.maintenance.case import Case
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Finding
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.units import duration, number
from monitor.model.view import View

STATEMENT: LiteralString = "vacuum (skip_locked, truncate off) {}"
LOCK = "ShareUpdateExclusiveLock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When a table is due, and what holds VACUUM back for too long.

    `max_snapshot_age` is for transactions, `max_xmin_age` (in transactions) for
    slots and standbys, whose age in seconds nobody knows.
    """

    min_dead_tuples: int = 5000
    min_ratio: float = 0.1
    max_snapshot_age: timedelta = timedelta(seconds=60)
    max_xmin_age: int = 1_000_000

    def is_due(self, row: TableRow) -> bool:
        """Say whether a table has many dead tuples, and a share of them."""
        tuples = row.n_live_tup + row.n_dead_tup
        return (
            row.n_dead_tup > self.min_dead_tuples
            and row.n_dead_tup > self.min_ratio * tuples
        )

    def holds_back(self, row: HorizonRow) -> bool:
        """Say whether a holder of the horizon makes VACUUM pointless."""
        if row.age_seconds is None:
            return row.xmin_age > self.max_xmin_age
        return row.age_seconds > self.max_snapshot_age.total_seconds()


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the tables that are due, whatever the checks found."""
    del findings
    return upkeep.tables(view, "vacuum", options.is_due)


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one table, or the rule that speaks against it."""
    case = Case(kind="vacuum", finding=finding, view=view)
    relation = case.relation()
    row = upkeep.row_of(case, relation) if relation else None
    if relation is None or row is None:
        return case.refuse("unknown", "The table or its statistics cannot be seen.")
    if not options.is_due(row):
        return case.refuse("not_due", f"Only {number(row.n_dead_tup)} dead tuples.")
    refusal = upkeep.obstacle(case, relation) or _horizon(case, options)
    return refusal or case.act(
        relation,
        Statement(STATEMENT, ((relation.schemaname, relation.relname),)),
        LOCK,
        name=relation.relname,
    )


def _horizon(case: Case, options: Options) -> Refusal | None:
    for row in case.view.rows(HorizonRow):
        if row.datname not in ("", case.finding.database):
            continue
        if options.holds_back(row):
            age = (
                f"{number(row.xmin_age)} transactions"
                if row.age_seconds is None
                else duration(row.age_seconds)
            )
            return case.refuse(
                "horizon",
                f"Nothing could be removed: {row.cause.replace('_', ' ')} "
                f'"{row.holder}" has held the horizon for {age}.',
            )
    return None
