"""Watches of servers that nobody connects to, for tests without I/O."""

from __future__ import annotations

from datetime import timedelta

from monitor.alerting.machine import AlertPolicy
from monitor.collectors.build import Libraries
from monitor.exporters.series import LIMITS
from monitor.maintenance.planner import Choices
from monitor.model.finding import Mute, Severity
from monitor.model.target import Target
from monitor.postgres.dry_run import DryRunExecutor
from monitor.postgres.queries import Library
from monitor.runtime.caretaker import Caretaker
from monitor.runtime.clock import Clock
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.judge import Judge
from monitor.runtime.loop_options import LoopOptions
from monitor.runtime.rules import Rule
from monitor.runtime.target_loop import TargetLoop
from monitor.runtime.thresholds import ThresholdBook
from monitor.runtime.watch import Watch
from monitor.runtime.windows import WindowBook
from tests.unit.factories import NOW

CLOCK = Clock(now=lambda: NOW)
AT_ONCE = AlertPolicy(hold=dict.fromkeys(Severity, timedelta(0)))


def judge_of(target: Target, *rules: Rule, mutes: dict[str, Mute]) -> Judge:
    known = {rule.name: rule for rule in rules}
    evaluator = Evaluator(ThresholdBook(known), known)
    return Judge(target, evaluator, AT_ONCE, mutes)


def watch_of(
    name: str = "orders",
    *,
    judge: Judge | None = None,
    mutes: dict[str, Mute] | None = None,
) -> Watch:
    """Return a watch whose loop does not run."""
    target = Target(name=name)
    nothing = Library({})
    loop = TargetLoop(
        target,
        LoopOptions(
            instance="test",
            libraries=Libraries(nothing, nothing, nothing),
            clock=CLOCK,
            series_limits=lambda profile: LIMITS[profile],
        ),
        windows=WindowBook(),
        on_cycle=lambda: None,
    )
    loop.has_tried = True
    loop.error = "no route to host"
    known = judge or judge_of(target, mutes=mutes if mutes is not None else {})
    watch = Watch(loop, known, ThresholdBook({}))
    watch.caretaker = Caretaker(
        target,
        DryRunExecutor(lambda: NOW),
        Choices(),
        look=watch.look,
        clock=CLOCK,
        changed=lambda: None,
    )
    return watch
