"""Keeps the cost of watching within its budget by stretching intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.rows.stat_statements import StatementRow
from monitor.model.state import OwnCost
from monitor.model.view import View

MOST = 10.0
STEP = 1.5
CALM = 0.5
"""Intervals shorten again only below this part of the budget: no flapping."""


@dataclass(slots=True)
class Governor:
    """Measures our role's own execution time and answers with a stretch factor.

    `budget` is seconds of execution time per second, over all databases of one
    server. Source: our role's entries in pg_stat_statements, which leave out
    what the server spends outside the executor.
    """

    budget: float
    cost: OwnCost = field(default_factory=OwnCost)

    def note(self, view: View) -> None:
        """Take in the last change of the statements, once per reading."""
        delta = view.changes.get((StatementRow, ""))
        if delta is None:
            return
        ours = {oid for oid, name in view.roles.items() if name == view.server.role}
        rows: list[StatementRow] = [
            row
            for row in delta.rows
            if isinstance(row, StatementRow) and row.userid in ours and row.toplevel
        ]
        seconds = sum(row.exec_time_seconds_total for row in rows)
        self.cost = OwnCost(
            exec_seconds_total=self.cost.exec_seconds_total + seconds,
            calls_total=self.cost.calls_total + sum(row.calls_total for row in rows),
            blocks_total=self.cost.blocks_total
            + sum(
                row.shared_blks_read_total + row.shared_blks_hit_total for row in rows
            ),
            temp_blocks_total=self.cost.temp_blocks_total
            + sum(
                row.temp_blks_read_total + row.temp_blks_written_total for row in rows
            ),
            stretch=self._stretch(seconds / delta.seconds),
        )

    def _stretch(self, load: float) -> float:
        now = self.cost.stretch
        if load > self.budget:
            return min(MOST, now * STEP)
        if load < self.budget * CALM:
            return max(1.0, now / STEP)
        return now
