"""All that belongs to one watched target, and the state that is published of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.exporters.own import target_page
from monitor.exporters.page import merge
from monitor.model.finding import Finding
from monitor.model.state import TargetState
from monitor.model.view import View
from monitor.runtime.caretaker import Caretaker
from monitor.runtime.judge import Judge
from monitor.runtime.target_loop import TargetLoop
from monitor.runtime.thresholds import ThresholdBook


class Watch:
    """One target's loop, judge and caretaker; `state` is the last one judged."""

    caretaker: Caretaker

    def __init__(
        self, loop: TargetLoop, judge: Judge, thresholds: ThresholdBook
    ) -> None:
        self.loop = loop
        self.judge = judge
        self.state: TargetState | None = None
        self._thresholds = thresholds
        self._down_since: datetime | None = None

    def observe(self, now: datetime) -> TargetState:
        """Judge what the loop has seen and return the state without its metrics.

        Pure CPU work on immutable values: runs in a worker thread, so that
        scrapes and polls go on meanwhile.
        """
        loop, server = self.loop, self.loop.roster.server
        view = loop.memory.view(server, now) if server is not None else None
        if not loop.up:
            self._down_since = self._down_since or now
            self.judge.judge_unreachable(
                error=loop.error, since=self._down_since, now=now
            )
        elif view is not None:
            self._down_since = None
            self.judge.judge(view)
        self.state = TargetState(
            target=loop.target,
            up=loop.up,
            error=loop.error,
            up_since=loop.up_since,
            last_cycle=loop.last_cycle,
            cycle_duration=loop.cycle_duration,
            server=server,
            view=view,
            collectors=loop.roster.statuses,
            findings=self.judge.findings,
            alerts=self.judge.alerts,
            actions=self.caretaker.entries,
            refusals=self.caretaker.refusals,
            thresholds=self._thresholds.effective(loop.target),
            connections_used=loop.links.used,
            connects_total=loop.links.connects_total,
            connect_errors=dict(loop.links.errors),
            own_cost=loop.governor.cost,
        )
        return self.state

    def render(self, state: TargetState, now: datetime) -> TargetState:
        """Add the rendered metrics to a state; runs in a worker thread."""
        rendered = self.loop.exporter.render(self.loop.memory.sheets())
        state = replace(state, exposition=rendered, dropped_series=rendered.dropped)
        return replace(state, exposition=merge(target_page(state, now), rendered))

    def look(self) -> tuple[View, tuple[Finding, ...]] | None:
        """Return what upkeep is planned from; None while the target is down."""
        state = self.state
        if state is None or not state.up or state.view is None:
            return None
        return state.view, tuple(
            tracked.finding for tracked in state.findings if tracked.state == "open"
        )
