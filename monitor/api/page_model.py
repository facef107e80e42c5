"""What the status page shows, gathered from one state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import nlargest
from itertools import chain, islice

from monitor.api.lists import Asked, by_urgency, silenced
from monitor.logs import redact
from monitor.model.action import JournalEntry, Refusal
from monitor.model.finding import Severity, TrackedFinding
from monitor.model.listing.indexes import IndexEntry, ListedIndex, indexes
from monitor.model.listing.locks import LockEntry, QueueEntry, blocking, locks
from monitor.model.listing.rls import RlsEntry, RlsTargetEntry, rls, rls_target
from monitor.model.listing.rls_figures import OverheadEntry, RowCostEntry, TaxEntry
from monitor.model.listing.statements import Statement, StatementEntry, statements
from monitor.model.listing.tables import Table, TableEntry, tables
from monitor.model.listing.targets import TargetEntry, target_entry
from monitor.model.silence import Silence
from monitor.model.state import EffectiveThreshold, State, TargetState
from monitor.model.units import plural

ROWS = 12
ROWS_OF_ONE_TARGET = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Both levels of a check on the targets that share them."""

    check: str
    unit: str
    warning: EffectiveThreshold | None
    critical: EffectiveThreshold | None
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageModel:
    """One page; `wanted` is the only target on it, None for all.

    `check` is the only one whose findings are on it, empty for all.
    """

    state: State
    now: datetime
    wanted: str | None
    check: str
    refresh: int
    targets: tuple[TargetEntry, ...]
    findings: Mapping[str, tuple[TrackedFinding, ...]]
    quiet: tuple[TrackedFinding, ...]
    statements: tuple[StatementEntry, ...]
    has_texts: bool
    tables: tuple[TableEntry, ...]
    indexes: tuple[IndexEntry, ...]
    rls: tuple[RlsEntry, ...]
    rls_targets: tuple[RlsTargetEntry, ...]
    queues: tuple[QueueEntry, ...]
    locks: tuple[LockEntry, ...]
    actions: tuple[JournalEntry, ...]
    refusals: tuple[Refusal, ...]
    thresholds: tuple[Threshold, ...]
    alerts: Mapping[str, str]
    silences: Mapping[str, tuple[Silence, ...]]

    @property
    def down(self) -> int:
        """Return how many targets do not answer."""
        return sum(not target.up for target in self.targets)

    @property
    def verdict(self) -> str:
        """Return the class of the page as a whole: critical, warning, info or ok."""
        if self.down or self.findings["critical"]:
            return "critical"
        return next((name for name in ("warning", "info") if self.findings[name]), "ok")

    @property
    def headline(self) -> str:
        """Return the page in a few words."""
        critical, warning = (
            len(self.findings["critical"]),
            len(self.findings["warning"]),
        )
        words = [f"{critical} critical"] if critical else []
        words += [plural(warning, "warning")] if warning else []
        if words:
            return ", ".join(words)
        if self.down:
            return "No answer"
        if self.check and not self.findings["info"]:
            return f"Nothing open of {self.check}"
        return "Nothing urgent" if self.findings["info"] else "All is well"


def gather(asked: Asked, *, now: datetime, refresh: int, check: str = "") -> PageModel:
    """Return the page of one target, or of all; with the findings of one check."""
    shown = list(asked.targets)
    views = list(asked.views)
    rows = ROWS if asked.target is None else ROWS_OF_ONE_TARGET
    findings = chain.from_iterable(t.findings for t in shown)
    found = by_urgency(f for f in findings if check in ("", f.finding.check))
    ran = (statements(view, has_texts=asked.has_texts) for view in views)
    return PageModel(
        state=replace(
            asked.state,
            config_error=redact(asked.state.config_error),
            state_error=redact(asked.state.state_error),
        ),
        now=now,
        wanted=asked.target,
        check=check,
        refresh=refresh,
        targets=tuple(_target(target, now) for target in shown),
        findings=_by_severity(found),
        quiet=tuple(t for t in found if t.state != "open"),
        statements=_costliest(rows, chain.from_iterable(ran)),
        has_texts=asked.has_texts,
        tables=_largest(rows, chain.from_iterable(map(tables, views))),
        indexes=_largest_indexes(rows, chain.from_iterable(map(indexes, views))),
        rls=tuple(islice(chain.from_iterable(map(rls, shown)), rows)),
        rls_targets=tuple(map(rls_target, shown)),
        queues=tuple(chain.from_iterable(map(blocking, views))),
        locks=tuple(chain.from_iterable(map(locks, views)))[:rows],
        actions=_actions(shown, rows),
        refusals=tuple(chain.from_iterable(t.refusals for t in shown))[:rows],
        thresholds=_thresholds(shown),
        alerts={a.fingerprint: a.state.value for t in shown for a in t.alerts},
        silences=silenced(asked),
    )


def of_role(
    found: Iterable[TaxEntry | RowCostEntry | OverheadEntry], role: str
) -> TaxEntry | RowCostEntry | OverheadEntry | None:
    """Return the first figure that is about a role; None without one."""
    return next((each for each in found if each.role == role), None)


def _target(state: TargetState, now: datetime) -> TargetEntry:
    entry = target_entry(state, now)
    collectors = tuple(replace(c, error=redact(c.error)) for c in entry.collectors)
    return replace(entry, error=redact(entry.error), collectors=collectors)


def _by_severity(
    found: Iterable[TrackedFinding],
) -> dict[str, tuple[TrackedFinding, ...]]:
    still_open = [t for t in found if t.state == "open"]
    return {
        severity.value: tuple(t for t in still_open if t.finding.severity is severity)
        for severity in Severity
    }


def _costliest(rows: int, found: Iterable[Statement]) -> tuple[StatementEntry, ...]:
    ranked = nlargest(rows, found, key=lambda s: s.row.exec_time_seconds_total)
    return tuple(statement.entry() for statement in ranked)


def _largest(rows: int, found: Iterable[Table]) -> tuple[TableEntry, ...]:
    ranked = nlargest(rows, found, key=lambda t: t.size.total_bytes if t.size else 0)
    return tuple(table.entry() for table in ranked)


def _largest_indexes(rows: int, found: Iterable[ListedIndex]) -> tuple[IndexEntry, ...]:
    """Return invalid indexes first, then the largest."""

    def urgency(listed: ListedIndex) -> tuple[bool, int]:
        return not listed.facts.is_valid, listed.size_bytes or 0

    return tuple(listed.entry() for listed in nlargest(rows, found, key=urgency))


def _actions(shown: Iterable[TargetState], rows: int) -> tuple[JournalEntry, ...]:
    found = chain.from_iterable(target.actions for target in shown)
    newest = sorted(found, key=lambda e: (e.state.is_final, -e.updated_at.timestamp()))
    return tuple(newest[:rows])


_Levels = tuple[str, str, EffectiveThreshold | None, EffectiveThreshold | None]


def _thresholds(shown: Iterable[TargetState]) -> tuple[Threshold, ...]:
    """Return each check's levels once for all the targets that share them."""
    grouped: dict[_Levels, list[str]] = {}
    for target in shown:
        levels: dict[str, dict[Severity, EffectiveThreshold]] = {}
        for one in target.thresholds:
            levels.setdefault(one.check, {})[one.level] = one
        for check, of in levels.items():
            unit = next(iter(of.values())).unit
            key = (check, unit, of.get(Severity.WARNING), of.get(Severity.CRITICAL))
            grouped.setdefault(key, []).append(target.target.name)
    return tuple(
        Threshold(
            check=check, unit=unit, warning=warn, critical=crit, targets=tuple(names)
        )
        for (check, unit, warn, crit), names in sorted(
            grouped.items(), key=lambda item: (item[0][0], item[1])
        )
    )
