"""Read a table's statistics anew.

ANALYZE samples the table and stores what the planner needs to estimate. It blocks
neither reads nor writes; `skip_locked` leaves it out when somebody holds a
conflicting lock. There is nothing to undo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

from monitor.maintenance import upkeep
from monitor.maintenance.case import Case
from monitor.model.action import Action, Refusal, Statement
from monitor.model.finding import Finding
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.units import number
from monitor.model.view import View

STATEMENT: LiteralString = "analyze (skip_locked) {}"
LOCK = "ShareUpdateExclusiveLock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """When statistics are stale: so many changes, and a share of the table."""

    min_changes: int = 1000
    min_ratio: float = 0.01

    def is_due(self, row: TableRow) -> bool:
        """Say whether a table changed enough since its last ANALYZE."""
        share = self.min_ratio * row.n_live_tup
        return row.n_mod_since_analyze > max(self.min_changes, share)


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the tables that are due, whatever the checks found."""
    del findings
    return upkeep.tables(view, "analyze", options.is_due)


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one table, or the rule that speaks against it."""
    case = Case(kind="analyze", finding=finding, view=view)
    relation = case.relation()
    row = upkeep.row_of(case, relation) if relation else None
    if relation is None or row is None:
        return case.refuse("unknown", "The table or its statistics cannot be seen.")
    if not options.is_due(row):
        changes = number(row.n_mod_since_analyze)
        return case.refuse("not_due", f"Only {changes} rows changed since the last.")
    return upkeep.obstacle(case, relation) or case.act(
        relation,
        Statement(STATEMENT, ((relation.schemaname, relation.relname),)),
        LOCK,
        name=relation.relname,
    )
