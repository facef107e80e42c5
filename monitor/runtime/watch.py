"""All that belongs to one watched target, and the state that is published of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.exporters.own import target_page
from monitor.exporters.page import merge
from monitor.model.finding import Finding
from monitor.model.snapshot import Sheet
from monitor.model.state import TargetState
from monitor.model.target import Target
from monitor.model.view import View
from monitor.runtime import drift_book
from monitor.runtime.caretaker import Caretaker
from monitor.runtime.drift_book import DriftBook
from monitor.runtime.estimates import EstimateBook
from monitor.runtime.judge import Judge
from monitor.runtime.prober import Prober
from monitor.runtime.rls_book import RlsBook
from monitor.runtime.target_loop import TargetLoop
from monitor.runtime.thresholds import ThresholdBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a target's loop has seen at one moment, not yet judged or rendered."""

    at: datetime
    state: TargetState
    sheets: tuple[Sheet, ...]


class Watch:
    """One target's loop, judge, caretaker, prober; `state` is the last one judged."""

    caretaker: Caretaker
    prober: Prober

    def __init__(
        self,
        loop: TargetLoop,
        judge: Judge,
        thresholds: ThresholdBook,
        drift: DriftBook | None = None,
    ) -> None:
        self.loop = loop
        self.judge = judge
        self.drift = drift or DriftBook()
        self.state: TargetState | None = None
        self._thresholds = thresholds
        self._estimates = EstimateBook()
        self._rls = RlsBook()
        self._down_since: datetime | None = None

    def sight(self, now: datetime) -> Sight:
        """Return what the loop has seen; on the event loop, where it changes."""
        loop, server = self.loop, self.loop.roster.server
        state = TargetState(
            target=loop.target,
            up=loop.up,
            error=loop.error,
            up_since=loop.up_since,
            last_cycle=loop.last_cycle,
            cycle_duration=loop.cycle_duration,
            server=server,
            view=loop.memory.view(server, now) if server is not None else None,
            collectors=loop.roster.statuses,
            actions=self.caretaker.entries,
            refusals=self.caretaker.refusals,
            connections_used=loop.links.used,
            connects_total=loop.links.connects_total,
            connect_errors=dict(loop.links.errors),
            own_cost=loop.governor.cost,
        )
        return Sight(at=now, state=state, sheets=loop.memory.sheets())

    def observe(self, sight: Sight) -> TargetState:
        """Judge what was seen and return the state without its metrics.

        Pure CPU work on immutable values: runs in a worker thread, so that
        scrapes and polls go on meanwhile.
        """
        state, now = self._compared(self._estimated(sight.state)), sight.at
        if not state.up:
            self._down_since = self._down_since or now
            self.judge.judge_unreachable(
                error=state.error, since=self._down_since, now=now
            )
        elif state.view is not None:
            self._down_since = None
            self.judge.judge(state.view)
        findings = self.judge.findings
        self.state = replace(
            state,
            findings=findings,
            alerts=self.judge.alerts,
            thresholds=self._thresholds.effective(state.target),
            rls=self._rls.update(state.view, findings) if state.view else state.rls,
        )
        return self.state

    def _compared(self, state: TargetState) -> TargetState:
        """Add what differs from the accepted state of row level security."""
        if state.view is None or not state.up:
            return state
        view, check = state.view, self._thresholds.find(state.target, drift_book.CHECK)
        muted = drift_book.muted(self.judge.findings)
        told = self.drift.look(view, muted, drift_book.patience(check))
        left_out = {n: b.left_out for n, b in self.drift.baselines.items()}
        left_out = {name: count for name, count in left_out.items() if count}
        return replace(state, view=replace(view, drifts=told, drift_left_out=left_out))

    def _estimated(self, state: TargetState) -> TargetState:
        """Add the estimates to what probes have brought."""
        if state.view is None:
            return state
        view = state.view
        found = self._estimates.update(view)
        probes = replace(view.probes, estimates=found)
        return replace(state, view=replace(view, probes=probes))

    def render(self, state: TargetState, sight: Sight) -> TargetState:
        """Add the rendered metrics to a state; runs in a worker thread."""
        rendered = self.loop.exporter.render(sight.sheets)
        state = replace(state, exposition=rendered, dropped_series=rendered.dropped)
        return replace(state, exposition=merge(target_page(state, sight.at), rendered))

    def probe_as(self, target: Target) -> None:
        """Take over what is to be probed; the prober must not be running."""
        self.loop.target = self.loop.memory.target = target
        self.prober = self.prober.with_target(target)

    def last_view(self) -> View | None:
        """Return what was seen last; None while the target is down."""
        seen = self.look()
        return seen[0] if seen else None

    def look(self) -> tuple[View, tuple[Finding, ...]] | None:
        """Return what upkeep is planned from; None while the target is down."""
        state = self.state
        if state is None or not state.up or state.view is None:
            return None
        return state.view, tuple(
            tracked.finding for tracked in state.findings if tracked.state == "open"
        )
