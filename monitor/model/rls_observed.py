"""What statements did under row level security, without probing anything.

Whole statements, not policies: passive and exact, from pg_stat_statements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from monitor.model.rls import Guarded

Attribution = Literal["ast", "server"]
"""Known by parsing the statement, or by the server's own answer."""

HelperSource = Literal["functions", "pgss_nested"]
"""pg_stat_user_functions, or statements inside the function in pg_stat_statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Statements of one role under a table's policies: whole statements, not policies.

    One that reads two such tables counts for both, so tables do not add up. The
    oid is 0 and the names are empty where the server says that policies apply and
    the parser cannot tell to which table: it is read inside a function. Of
    `calls`, `loose_calls` name a table that only its uniqueness identifies.
    Seconds of execution; source: pg_stat_statements.
    """

    table: Guarded
    attribution: Attribution
    calls: int
    seconds: float
    loose_calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionQuality:
    """How much of the recorded time could be attributed at all.

    `calls` and `seconds` are those of all clients' statements; of them
    `unknown_…` had no text that could be analysed, nor an answer of the server.
    `contradictions` counts statements about which server and parser disagreed:
    the server was believed.
    """

    statements: int = 0
    calls: int = 0
    seconds: float = 0.0
    unknown_statements: int = 0
    unknown_calls: int = 0
    unknown_seconds: float = 0.0
    contradictions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One statement under a bound and under a bypassing role: the natural experiment.

    `seconds` is the difference of the means per call, `ratio` their quotient, None
    where the bypassing side took no time. Both are the cost of policies only as
    far as both roles ask for the same: `is_comparable` is False where the rows per
    call differ a lot. Negative where a policy gives the planner an index.
    """

    database: str
    queryid: int
    relids: tuple[int, ...]
    role: str
    calls: int
    mean_seconds: float
    rows_per_call: float
    bypassing_role: str
    bypassing_calls: int
    bypassing_mean_seconds: float
    bypassing_rows_per_call: float
    is_comparable: bool
    attribution: Attribution = "ast"

    @property
    def seconds(self) -> float:
        """Return what a call takes longer under policies."""
        return self.mean_seconds - self.bypassing_mean_seconds

    @property
    def ratio(self) -> float | None:
        """Return how many times as long a call takes under policies."""
        if self.bypassing_mean_seconds <= 0:
            return None
        return self.mean_seconds / self.bypassing_mean_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperTime:
    """Time inside a function that policies call.

    A lower bound: an inlined function has no counter, and entering a SECURITY
    DEFINER function is in none. `calls` are those of the function, or of the
    statements inside it where the source is `pgss_nested`.
    """

    database: str
    oid: int
    function: str
    owner: str
    source: HelperSource
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What statements did under policies over one stretch of time.

    `window_seconds` is how long it was; 0 where there is none, across a reset.
    """

    window_seconds: float = 0.0
    found: tuple[Observed, ...] = ()
    helpers: tuple[HelperTime, ...] = ()
    quality: AttributionQuality = field(default_factory=AttributionQuality)
