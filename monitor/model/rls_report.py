"""What is known of row level security on one target, as every surface shows it.

Figures are kept where they are true: time under policies belongs to a table and a
role, a probed cost to a table and a persona, a saving to a policy. Time that was
recorded cannot be split between policies, so it is never repeated for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from monitor.model.rls import (
    Command,
    Estimate,
    Overheads,
    Probes,
    Saving,
    UnitCost,
)
from monitor.model.rls_observed import (
    Attribution,
    AttributionQuality,
    HelperTime,
    Tax,
)

TableState = Literal["protected", "closed", "off", "open"]
"""closed: no policy, nobody sees a row. off: policies, but row level security is
switched off. open: neither, in an exposed schema, and a role of the API may reach it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """One policy; `using` and `check` are None where it has none or was locked."""

    name: str
    command: str
    is_permissive: bool
    roles: tuple[str, ...]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Which policies decide over one command of one role on a table.

    `is_bound` is False where the role bypasses row level security: superuser,
    BYPASSRLS, or the owner's privileges without FORCE. Bound without a
    permissive policy, the role sees nothing.
    """

    role: str
    command: Command
    is_bound: bool
    permissive: tuple[str, ...] = ()
    restrictive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Statements of one role under a table's policies: whole statements, not policies.

    Totals are since the daemon started; those of `recent` cover `window`, None
    without a rate.
    """

    role: str
    attribution: Attribution
    calls_total: int
    seconds_total: float
    recent_calls: int | None = None
    recent_seconds: float | None = None
    window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLint:
    """A finding that is open on a table, by the rule that found it."""

    id: str
    check: str
    severity: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """Everything about one table that row level security concerns.

    `unknowns` says in words what cannot be told, and why.
    """

    database: str
    relid: int
    schemaname: str
    relname: str
    owner: str
    state: TableState
    has_rls: bool
    forces_rls: bool
    policy_set: str = ""
    policies: tuple[PolicyFacts, ...] = ()
    applications: tuple[Application, ...] = ()
    loads: tuple[Load, ...] = ()
    taxes: tuple[Tax, ...] = ()
    unit_costs: tuple[UnitCost, ...] = ()
    overheads: tuple[Overheads, ...] = ()
    estimate: Estimate | None = None
    savings: tuple[Saving, ...] = ()
    lints: tuple[OpenLint, ...] = ()
    unknowns: tuple[str, ...] = ()

    @property
    def seconds_total(self) -> float:
        """Return the time of all statements under its policies."""
        return sum(load.seconds_total for load in self.loads)


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsReport:
    """Row level security of one target at one moment; empty before a catalog.

    `quality` says how much of the statements' time could be attributed since the
    daemon started; `unknowns` what cannot be told about any table, and why.
    """

    at: datetime | None = None
    tables: tuple[TableReport, ...] = ()
    helpers: tuple[HelperTime, ...] = ()
    quality: AttributionQuality = field(default_factory=AttributionQuality)
    probes: Probes = field(default_factory=Probes)
    unknowns: tuple[str, ...] = ()


def percentile(overheads: Overheads, share: float) -> float | None:
    """Return what `share` of the latest overheads do not exceed, in seconds.

    None without one. The nearest rank: a figure that was measured, not a mean.
    """
    recent = sorted(overheads.recent)
    if not recent:
        return None
    return max(0.0, recent[max(0, ceil(share * len(recent)) - 1)])
