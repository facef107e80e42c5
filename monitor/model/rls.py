"""What is known of what policies cost: probed, observed, estimated, avoidable.

Three quantities are kept apart: the time of statements under policies (passive,
exact), the cost of evaluating policies (probed), and what a rewrite would save.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ProbeStatus = Literal["ok", "unstable", "skipped", "timeout", "no_privilege", "error"]
Command = Literal["select", "insert", "update", "delete"]
COMBINED = "combined"
"""Policy name of a cost that was not split between policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A table under row level security, as one role meets it."""

    database: str
    relid: int
    schemaname: str
    relname: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost:
    """What the policies of a table cost per row, for one persona.

    Seconds. `low` and `high` are the spread over the rounds that counted;
    `fixed` is what a statement pays once, whatever its rows; `scan_per_row` what
    reading a row took without policies: with it busy rounds are told from quiet
    ones. All are None unless `status` is `ok` or `unstable`; an unstable figure is
    kept but not published.
    `policy_set` is the content hash of what was probed: a changed policy makes
    the figure void. `reason` says why there is none.
    """

    table: Guarded
    persona: str
    policy_name: str = COMBINED
    policy_set: str
    command: Command = "select"
    status: ProbeStatus
    reason: str = ""
    per_row: float | None = None
    low: float | None = None
    high: float | None = None
    fixed: float | None = None
    scan_per_row: float | None = None
    rows: int = 0
    pairs: int = 0
    dropped_pairs: int = 0
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCost:
    """A listed statement timed with and without policies, for one persona.

    Seconds, the least of several interleaved pairs. `overhead` is the difference;
    it is negative where a policy gives the planner an index to use.
    """

    database: str
    statement: str
    persona: str
    role: str
    status: ProbeStatus
    reason: str = ""
    with_policies: float | None = None
    bypassing: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    at: datetime

    @property
    def overhead(self) -> float | None:
        """Return what the policies added; None where nothing was measured."""
        if self.with_policies is None or self.bypassing is None:
            return None
        return self.with_policies - self.bypassing


@dataclass(frozen=True, slots=True, kw_only=True)
class Overheads:
    """Overheads of one table and role over the probes so far, as a histogram.

    `counts[i]` are those of at most `BOUNDS[i]` seconds, the last one all above;
    negative ones count as 0. Cumulative since the daemon started or the policies
    changed. `recent` are the latest ones in order of time, for percentiles.
    """

    table: Guarded
    counts: tuple[int, ...]
    total_seconds: float
    recent: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """Return how many there are."""
        return sum(self.counts)


BOUNDS: tuple[float, ...] = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
)
"""Upper bounds of a histogram of overheads, in seconds; 10 ms is the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a table's policies have cost by estimate, beside what it rests on.

    Each interval adds rows examined x `row_cost` x `share` to `seconds_total`, so
    both totals count since the daemon began to watch. `share` is that part of the
    time of the table's statements that was spent under policies; `row_cost` the
    probed seconds a row, over personas and roles. `quality` is between 0 and 1. An
    input that is missing is None; then the estimate is, too, and `reason` says why.
    Source of the rows: pg_stat_user_tables.seq_tup_read and idx_tup_fetch.
    """

    database: str
    relid: int
    schemaname: str
    relname: str
    rows_examined_total: int
    share: float | None = None
    row_cost: float | None = None
    seconds_total: float | None = None
    quality: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """A rewrite of one policy, with what is known of its benefit.

    `equivalence` is how many sampled rows were judged by both expressions, over
    `personas`; `differing` how many were judged differently: 0, or the rewrite
    is refused. Seconds per execution of `statement`. `is_trusted` says that the
    imitation of the present policy had the plan and, within 30 %, the time of the
    real one; otherwise `saved` is not published.
    """

    database: str
    relid: int
    schemaname: str
    relname: str
    policy_name: str
    rule: str
    personas: tuple[str, ...]
    compared_rows: int
    differing_rows: int
    statement: str = ""
    now_seconds: float | None = None
    imitated_seconds: float | None = None
    rewritten_seconds: float | None = None
    is_trusted: bool = False
    reason: str = ""
    sql: str
    undo: str
    policy_set: str
    at: datetime

    @property
    def saved(self) -> float | None:
        """Return the seconds a call saves; None unless the prediction is trusted."""
        if not self.is_trusted or self.now_seconds is None:
            return None
        return self.now_seconds - (self.rewritten_seconds or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Everything probes have brought for one target so far.

    `confirmed` tells for (database, queryid, role) what the server said when
    asked whether a policy would filter; what is not in it was not asked.
    `seconds_this_hour` is the execution time spent; `paused` says why nothing is
    probed at the moment, empty if something is. `estimates` need no probes to be
    listed, but are withheld without them.
    """

    unit_costs: tuple[UnitCost, ...] = ()
    statement_costs: tuple[StatementCost, ...] = ()
    overheads: tuple[Overheads, ...] = ()
    savings: tuple[Saving, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    confirmed: Mapping[tuple[str, int, str], bool] = field(
        default_factory=dict[tuple[str, int, str], bool]
    )
    rounds_total: int = 0
    failures_total: int = 0
    seconds_total: float = 0.0
    seconds_this_hour: float = 0.0
    paused: str = ""
