"""Row level security per table: policies, whom they bind, what that is known to cost.

Figures stand where they are true: time under policies belongs to a role, a probed
cost to a persona, a saving to a policy. Seconds throughout; None is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.model.listing import identity
from monitor.model.listing.rls_figures import (
    EstimateEntry,
    LoadEntry,
    OverheadEntry,
    RowCostEntry,
    SavingEntry,
    TaxEntry,
    estimate,
    loads,
    overheads,
    row_costs,
    savings,
    taxes,
)
from monitor.model.rls_observed import AttributionQuality, HelperTime
from monitor.model.rls_report import (
    Application,
    OpenLint,
    PolicyFacts,
    TableReport,
    TableState,
)
from monitor.model.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsEntry:
    """One table that row level security concerns, or should.

    `state` is `protected`, `closed` (no policy: ordinary roles see nothing), `off`
    (policies that do nothing) or `open` (an API role reaches every row).
    `forces_rls` includes the owner. `applications` say for each role and command
    which policies decide. `unknowns` are sentences.
    """

    id: str
    target: str
    database: str
    schema: str
    name: str
    owner: str
    state: TableState
    has_rls: bool
    forces_rls: bool
    policies: tuple[PolicyFacts, ...]
    applications: tuple[Application, ...]
    statements: tuple[LoadEntry, ...]
    taxes: tuple[TaxEntry, ...]
    row_costs: tuple[RowCostEntry, ...]
    overheads: tuple[OverheadEntry, ...]
    estimate: EstimateEntry | None
    savings: tuple[SavingEntry, ...]
    lints: tuple[OpenLint, ...]
    unknowns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesEntry:
    """How probing fares; `paused` is why it waits, empty if it does not."""

    is_configured: bool
    rounds_total: int
    failures_total: int
    seconds_total: float
    seconds_this_hour: float
    paused: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsTargetEntry:
    """What concerns all tables of a target; `at` is when it was put together."""

    target: str
    at: datetime | None
    attribution: AttributionQuality
    helpers: tuple[HelperTime, ...]
    probes: ProbesEntry
    unknowns: tuple[str, ...]


def rls(state: TargetState) -> Iterator[RlsEntry]:
    """Yield a target's tables, most time under policies first."""
    for table in state.rls.tables:
        yield _entry(state.target.name, table)


def rls_target(state: TargetState) -> RlsTargetEntry:
    """Return what concerns all tables of a target."""
    report, probes = state.rls, state.rls.probes
    return RlsTargetEntry(
        target=state.target.name,
        at=report.at,
        attribution=report.quality,
        helpers=report.helpers,
        probes=ProbesEntry(
            is_configured=state.target.rls.may_probe,
            rounds_total=probes.rounds_total,
            failures_total=probes.failures_total,
            seconds_total=probes.seconds_total,
            seconds_this_hour=probes.seconds_this_hour,
            paused=probes.paused,
        ),
        unknowns=report.unknowns,
    )


def _entry(target: str, table: TableReport) -> RlsEntry:
    return RlsEntry(
        id=identity(target, table.database, table.schemaname, table.relname),
        target=target,
        database=table.database,
        schema=table.schemaname,
        name=table.relname,
        owner=table.owner,
        state=table.state,
        has_rls=table.has_rls,
        forces_rls=table.forces_rls,
        policies=table.policies,
        applications=table.applications,
        statements=tuple(loads(table)),
        taxes=tuple(taxes(table)),
        row_costs=tuple(row_costs(table)),
        overheads=tuple(overheads(table)),
        estimate=estimate(table),
        savings=tuple(savings(table)),
        lints=table.lints,
        unknowns=table.unknowns,
    )
