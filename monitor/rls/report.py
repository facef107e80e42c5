"""Everything known of row level security on one target, put together.

Whatever cannot be told is said in words; no figure stands in for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol, TypeVar

from monitor.model.catalog import Catalog, Policy, Relation
from monitor.model.finding import TrackedFinding
from monitor.model.persona import RlsOptions
from monitor.model.rls_observed import Observations, Observed, Tax
from monitor.model.rls_report import (
    Application,
    Load,
    OpenLint,
    PolicyFacts,
    RlsReport,
    TableReport,
    TableState,
)
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.view import View
from monitor.rls.exposure import is_open
from monitor.rls.hidden import hidden_statistics
from monitor.rls.inventory import COMMANDS, Inventory, inventory
from monitor.rls.unknowns import of_table, of_target

_WORDS: Mapping[str, str] = {
    "r": "select",
    "a": "insert",
    "w": "update",
    "d": "delete",
    "*": "all",
}

_DRIFT = "rls_drift"

Place = tuple[str, int]
"""Database and oid of a table."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured beside the catalogs.

    `sums` are those since the daemon started, `recent` over the check interval.
    """

    sums: Observations
    recent: Observations
    taxes: Sequence[Tax] = ()
    findings: Sequence[TrackedFinding] = ()


def report(view: View, figures: Figures) -> RlsReport:
    """Return the report; the tables with most time under policies come first."""
    shelves = _Shelves(view, figures)
    tables = [
        shelves.filled(table)
        for datname, catalog in view.catalogs.items()
        for table in _tables(view, datname, catalog, shelves.roles)
    ]
    tables.sort(
        key=lambda t: (-t.seconds_total, t.database, t.schemaname, t.relname, t.relid)
    )
    return RlsReport(
        at=view.now,
        tables=tuple(tables),
        helpers=figures.sums.helpers,
        quality=figures.sums.quality,
        probes=view.probes,
        unknowns=tuple(of_target(view, figures.sums.quality)),
    )


def _tables(
    view: View, datname: str, catalog: Catalog, roles: Mapping[Place, set[str]]
) -> Iterator[TableReport]:
    """Yield the tables that row level security concerns, without figures."""
    known = inventory(view, datname)
    options = view.target.rls
    is_reached = {
        row.oid
        for row in view.rows(ExposedRelationRow, datname)
        if is_open(row, options)
    }
    by_table: dict[int, list[Policy]] = defaultdict(list)
    for policy in catalog.policies:
        by_table[policy.relid].append(policy)
    for relation in catalog.relations.values():
        policies = by_table.get(relation.oid, [])
        if relation.has_rls or policies or relation.oid in is_reached:
            seen = roles.get((datname, relation.oid), set[str]())
            yield TableReport(
                database=datname,
                relid=relation.oid,
                schemaname=relation.schemaname,
                relname=relation.relname,
                owner=relation.owner,
                state=_state(relation, policies),
                has_rls=relation.has_rls,
                forces_rls=relation.forces_rls,
                policy_set=known.policy_set(relation.oid) if known else "",
                policies=tuple(_facts(policies)),
                applications=tuple(_applications(known, relation, options, seen)),
            )


def _state(relation: Relation, policies: Sequence[Policy]) -> TableState:
    if relation.has_rls:
        return "protected" if policies else "closed"
    return "off" if policies else "open"


def _facts(policies: Iterable[Policy]) -> Iterator[PolicyFacts]:
    for policy in sorted(policies, key=lambda p: (p.command, p.name)):
        yield PolicyFacts(
            name=policy.name,
            command=_WORDS.get(policy.command, policy.command),
            is_permissive=policy.is_permissive,
            roles=policy.roles,
            using=policy.using,
            check=policy.check,
        )


def _applications(
    known: Inventory | None,
    relation: Relation,
    options: RlsOptions,
    seen: Iterable[str],
) -> Iterator[Application]:
    """Yield what decides for each role and command; only roles that exist."""
    if known is None or not relation.has_rls:
        return
    wanted = (
        *options.api_roles,
        *(persona.role for persona in options.personas),
        *sorted(seen),
    )
    for role in dict.fromkeys(wanted):
        if role not in known.roles:
            continue
        is_bound = known.binds(relation.oid, role)
        for command in COMMANDS:
            found = known.applicable(relation.oid, role, command) if is_bound else ()
            yield Application(
                role=role,
                command=command,
                is_bound=is_bound,
                permissive=tuple(p.name for p in found if p.is_permissive),
                restrictive=tuple(p.name for p in found if not p.is_permissive),
            )


class _Shelves:
    """Figures by table, so that each is looked up once."""

    def __init__(self, view: View, figures: Figures) -> None:
        self._view = view
        self.roles: dict[Place, set[str]] = defaultdict(set)
        self._loads = _loads(figures)
        for place, loads in self._loads.items():
            self.roles[place] |= {load.role for load in loads}
        self._taxes: dict[Place, list[Tax]] = defaultdict(list)
        for tax in figures.taxes:
            for relid in tax.relids:
                self._taxes[tax.database, relid].append(tax)
        probes = view.probes
        self._costs = _by_place(probes.unit_costs, lambda c: c.table)
        self._overheads = _by_place(probes.overheads, lambda o: o.table)
        self._savings = _by_place(probes.savings, lambda s: s)
        self._estimates = _by_place(probes.estimates, lambda e: e)
        self._lints = _lints(figures.findings)
        self._hidden = {
            (datname, relation.oid)
            for datname in view.catalogs
            for relation in hidden_statistics(view, datname)
        }

    def filled(self, table: TableReport) -> TableReport:
        """Return a table with its figures, and what is missing of them.

        A figure that was probed under other policies is void.
        """
        place, policy_set = (table.database, table.relid), table.policy_set
        costs = self._costs.get(place, [])
        savings = self._savings.get(place, [])
        filled = replace(
            table,
            loads=tuple(self._loads.get(place, ())),
            taxes=tuple(self._taxes.get(place, ())),
            unit_costs=tuple(c for c in costs if c.policy_set == policy_set),
            overheads=tuple(self._overheads.get(place, ())),
            estimate=next(iter(self._estimates.get(place, ())), None),
            savings=tuple(s for s in savings if s.policy_set == policy_set),
            lints=tuple(self._lints_of(table)),
        )
        unknowns = of_table(self._view, filled, is_hidden=place in self._hidden)
        return replace(filled, unknowns=tuple(unknowns))

    def _lints_of(self, table: TableReport) -> Iterator[OpenLint]:
        for name, lint in self._lints.get((table.database, table.schemaname), ()):
            if name == table.relname or name.startswith(
                (f"{table.relname}.", f"{table.relname} ")
            ):
                yield lint


class _OfTable(Protocol):
    @property
    def database(self) -> str: ...

    @property
    def relid(self) -> int: ...


def _by_place(
    found: Iterable[T], table_of: Callable[[T], _OfTable]
) -> Mapping[Place, list[T]]:
    by_place: dict[Place, list[T]] = defaultdict(list)
    for each in found:
        table = table_of(each)
        by_place[table.database, table.relid].append(each)
    return by_place


def _loads(figures: Figures) -> Mapping[Place, list[Load]]:
    recent = figures.recent
    window = timedelta(seconds=recent.window_seconds) if recent.window_seconds else None
    lately = {(each.table, each.attribution): each for each in recent.found}
    found: dict[Place, list[Load]] = defaultdict(list)
    for each in figures.sums.found:
        if each.table.relid:
            load = _load(each, lately.get((each.table, each.attribution)), window)
            found[each.table.database, each.table.relid].append(load)
    for loads in found.values():
        loads.sort(key=lambda load: (-load.seconds_total, load.role))
    return found


def _load(total: Observed, recent: Observed | None, window: timedelta | None) -> Load:
    return Load(
        role=total.table.role,
        attribution=total.attribution,
        calls_total=total.calls,
        seconds_total=total.seconds,
        recent_calls=(recent.calls if recent else 0) if window else None,
        recent_seconds=(recent.seconds if recent else 0.0) if window else None,
        window=window,
    )


def _lints(
    findings: Iterable[TrackedFinding],
) -> Mapping[tuple[str, str], list[tuple[str, OpenLint]]]:
    """Return open lints and changes by database and schema, with their objects."""
    found: dict[tuple[str, str], list[tuple[str, OpenLint]]] = defaultdict(list)
    for tracked in findings:
        each, ref = tracked.finding, tracked.finding.object
        if tracked.state == "resolved" or ref.type not in ("table", "policy"):
            continue
        if each.kind == "lint" or each.check == _DRIFT:
            lint = OpenLint(
                id=each.id,
                check=each.check,
                severity=each.severity.value,
                summary=each.summary,
            )
            found[each.database, ref.schema].append((ref.name, lint))
    return found
