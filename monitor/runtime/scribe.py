"""Writes a target's reports to schema `monitoring` and reads what is edited there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import structlog

from monitor.checks import rls_policy_cost
from monitor.model.report import Sample, samples_of
from monitor.model.state import TargetState
from monitor.model.target import Target
from monitor.model.threshold import EditedThreshold
from monitor.postgres.session import Session
from monitor.postgres.store import Report, Store
from monitor.rls.history import observations
from monitor.runtime.rules import discover
from monitor.runtime.thresholds import ThresholdBook

log = structlog.get_logger()

EVERY = timedelta(minutes=1)
VALID_FOR = timedelta(minutes=3)
KEEP = timedelta(days=30)
PRUNE_EVERY = timedelta(hours=1)


class Scribe:
    """Writes one target's findings, figures and advice, once a minute.

    `state` gives the last judged state; nothing is written before there is one.
    What goes wrong here costs the reports only: the caller counts it.
    """

    def __init__(
        self,
        target: Target,
        thresholds: ThresholdBook,
        *,
        state: Callable[[], TargetState | None],
    ) -> None:
        self._target = target
        self._thresholds = thresholds
        self._state = state
        self._problems: tuple[str, ...] = ()
        self._prune_at: datetime | None = None

    async def keep(self, session: Session, now: datetime) -> None:
        """Read edited thresholds, then write the reports.

        Raises:
            TargetError: the schema cannot be read or written.
        """
        store = Store(session)
        self._take_thresholds(await store.thresholds())
        state = self._state()
        if state is None or not state.up:
            return
        report = Report(target=self._target.name, at=now, valid_for=VALID_FOR)
        metrics = {r.name: r.metric_name or r.name for r in discover().values()}
        figures = samples_of(state.findings, metrics, state.thresholds)
        await store.save_samples(report, [*figures, *_within_levels(state, figures)])
        await store.save_findings(report, state.findings)
        await store.save_advice(report, state.findings)
        await store.save_rls_observations(report, observations(state.rls))
        if self._prune_at is None or now >= self._prune_at:
            removed = await store.prune(KEEP)
            # One batch a turn; while there is more, the next turn goes on.
            self._prune_at = now if removed else now + PRUNE_EVERY
        # Last: a schema of an earlier release has no table for them.
        await store.save_alerts(report, state.alerts)

    def _take_thresholds(self, rows: tuple[EditedThreshold, ...]) -> None:
        """Put edited rows in force; a bad row is told once and changes nothing."""
        problems = self._thresholds.edit(self._target, rows)
        for problem in problems:
            if problem not in self._problems:
                log.warning(
                    "threshold_not_valid", target=self._target.name, problem=problem
                )
        self._problems = problems


def _within_levels(state: TargetState, reached: Iterable[Sample]) -> Iterator[Sample]:
    """Yield what probes measured and no finding is about: a target that is met."""
    told = {(s.metric_name, s.database, s.object) for s in reached}
    for sample in rls_policy_cost.samples(state.view) if state.view else ():
        if (sample.metric_name, sample.database, sample.object) not in told:
            yield sample
