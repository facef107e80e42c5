"""Keeps the cost of watching within its budget by stretching intervals."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from monitor.model.rows.stat_statements import StatementRow
from monitor.model.state import OwnCost
from monitor.model.view import View

MOST = 10.0
STEP = 1.5
CALM = 0.5
"""Intervals shorten again only below this part of the budget: no flapping."""

WINDOW_SECONDS = 120.0
"""What is read once a minute comes in bursts, and most at the very beginning: only
what so much time costs is held against the budget."""


@dataclass(slots=True)
class Governor:
    """Measures our role's own execution time and answers with a stretch factor.

    `budget` is seconds of execution time per second, over all databases of one
    server. Source: our role's entries in pg_stat_statements, which leave out
    what the server spends outside the executor.
    """

    budget: float
    cost: OwnCost = field(default_factory=OwnCost)
    _recent: deque[tuple[float, float]] = field(
        default_factory=deque[tuple[float, float]]
    )

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
            stretch=self._stretch(seconds, delta.seconds),
        )

    def _stretch(self, seconds: float, elapsed: float) -> float:
        """Return the factor from now on; after a change the window begins anew."""
        self._recent.append((seconds, elapsed))
        while self._span - self._recent[0][1] >= WINDOW_SECONDS:
            self._recent.popleft()
        spent = sum(seconds for seconds, _ in self._recent)
        load = spent / max(self._span, WINDOW_SECONDS)
        before = after = self.cost.stretch
        if load > self.budget:
            after = min(MOST, before * STEP)
        elif load < self.budget * CALM and self._span >= WINDOW_SECONDS:
            after = max(1.0, before / STEP)
        if after != before:
            self._recent.clear()
        return after

    @property
    def _span(self) -> float:
        """Return how many seconds the readings in the window cover."""
        return sum(elapsed for _, elapsed in self._recent)
