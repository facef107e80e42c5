"""Judges one target: checks to findings, findings to alerts, across cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import structlog

from monitor.alerting import availability
from monitor.alerting.machine import AlertPolicy, step
from monitor.alerting.tracker import track
from monitor.model.alert import Alert
from monitor.model.finding import Finding, Mute, TrackedFinding, urgency
from monitor.model.target import Target
from monitor.model.view import View
from monitor.runtime.evaluate import Evaluator

log = structlog.get_logger()


class Judge:
    """Findings and alerts of one target, with their lives."""

    def __init__(
        self,
        target: Target,
        evaluator: Evaluator,
        policy: AlertPolicy,
        mutes: Mapping[str, Mute],
        *,
        tracked: Iterable[TrackedFinding] = (),
        alerts: Iterable[Alert] = (),
    ) -> None:
        self.policy = policy
        self.evaluator = evaluator
        self.alerts: tuple[Alert, ...] = tuple(alerts)
        self._target = target
        self._mutes = mutes
        self._tracked = {t.finding.id: t for t in tracked}
        self._failed: Mapping[str, str] = {}

    @property
    def findings(self) -> tuple[TrackedFinding, ...]:
        """Return all findings, the most urgent first, in a stable order."""
        return tuple(sorted(self._tracked.values(), key=_urgency))

    def judge(self, view: View) -> None:
        """Run all checks on a view of a target that is up."""
        open_ids = frozenset(
            identity for identity, t in self._tracked.items() if t.state != "resolved"
        )
        evaluation = self.evaluator.run(view, open_ids)
        self._report_failures(evaluation.failed)

        def was_judged(finding: Finding) -> bool:
            return finding.check == availability.CHECK or evaluation.has_judged(finding)

        self._conclude(evaluation.findings, was_judged, view.now)

    def judge_unreachable(
        self, *, error: str, since: datetime | None, now: datetime
    ) -> None:
        """Note that the target is down; nothing else can be judged."""
        finding = availability.unreachable(
            self._target.name, error=error, since=since, now=now
        )
        self._conclude((finding,), lambda _: False, now)

    def _conclude(
        self,
        found: Iterable[Finding],
        was_judged: Callable[[Finding], bool],
        now: datetime,
    ) -> None:
        self._tracked = track(
            self._tracked,
            found,
            was_judged=was_judged,
            mutes=self._mutes,
            now=now,
        )
        policy = self.policy.with_holds(self.evaluator.holds(self._target))
        self.alerts = step(self.alerts, self._tracked, policy, self._target.labels, now)

    def _report_failures(self, failed: Mapping[str, str]) -> None:
        for check in failed.keys() - self._failed.keys():
            log.error(
                "check_failed",
                target=self._target.name,
                check=check,
                error=failed[check],
            )
        self._failed = failed


def _urgency(tracked: TrackedFinding) -> tuple[object, ...]:
    return tracked.state == "resolved", *urgency(tracked.finding)
