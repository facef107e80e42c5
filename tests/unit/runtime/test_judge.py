from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting import availability
from monitor.model.alert import AlertState
from monitor.model.finding import Mute
from monitor.model.target import Target
from monitor.model.threshold import EditedThreshold
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.judge import Judge
from monitor.runtime.thresholds import ThresholdBook
from tests.unit.factories import NOW, view
from tests.unit.runtime.test_evaluate import broken, gauge, rule
from tests.unit.runtime.watches import AT_ONCE, judge_of

LATER = NOW + timedelta(minutes=1)
TARGET = Target(name="orders")


def down(judge: Judge) -> None:
    judge.judge_unreachable(error="no route", since=NOW, now=LATER)


def test_a_condition_becomes_a_finding_and_an_alert() -> None:
    judge = judge_of(TARGET, rule(gauge(full=250)), mutes={})

    judge.judge(view())

    assert [t.finding.object.name for t in judge.findings] == ["full"]
    assert [a.state for a in judge.alerts] == [AlertState.FIRING]


@pytest.mark.requirement("S8.1.2-g")
def test_an_edited_row_says_how_long_a_finding_waits() -> None:
    known = {"gauge": rule(gauge(full=250))}
    book = ThresholdBook(known)
    row = EditedThreshold(
        metric_name="gauge",
        warning_threshold=None,
        critical_threshold=None,
        for_duration=timedelta(minutes=2),
        updated_by="ada",
    )
    book.edit(TARGET, [row])
    judge = Judge(TARGET, Evaluator(book, known), AT_ONCE, {})

    states: list[AlertState] = []
    for minutes in (0, 1, 2):
        judge.judge(replace(view(), now=NOW + timedelta(minutes=minutes)))
        states += [alert.state for alert in judge.alerts]

    assert states == [AlertState.PENDING, AlertState.PENDING, AlertState.FIRING]


def test_findings_keep_their_first_sight_while_the_server_is_down() -> None:
    judge = judge_of(TARGET, rule(gauge(full=250)), mutes={})
    judge.judge(view())

    down(judge)

    found = {t.finding.check: (t.state, t.first_seen) for t in judge.findings}
    assert found["gauge"] == ("open", NOW)
    assert found[availability.CHECK] == ("open", LATER)


def test_a_server_that_is_back_resolves_its_absence() -> None:
    judge = judge_of(TARGET, rule(gauge(full=250)), mutes={})
    down(judge)

    judge.judge(replace(view(), now=LATER))

    states = {t.finding.check: t.state for t in judge.findings}
    assert states == {"gauge": "open", availability.CHECK: "resolved"}


def test_a_check_that_fails_keeps_its_findings_open() -> None:
    well = judge_of(TARGET, rule(gauge(full=250)), mutes={})
    well.judge(view())
    judge = Judge(
        TARGET,
        judge_of(TARGET, rule(broken), mutes={}).evaluator,
        well.policy,
        {},
        tracked=well.findings,
        alerts=well.alerts,
    )

    judge.judge(replace(view(), now=LATER))

    assert [t.state for t in judge.findings if t.finding.object.name == "full"] == [
        "open"
    ]


def test_a_muted_finding_does_not_alert_until_the_mute_ends() -> None:
    mutes: dict[str, Mute] = {}
    judge = judge_of(TARGET, rule(gauge(full=250)), mutes=mutes)
    judge.judge(view())
    (found,) = judge.findings
    identity = found.finding.id
    mutes[identity] = Mute(finding_id=identity, reason="known", until=LATER)

    judge.judge(view())
    muted = [a.state for a in judge.alerts]
    judge.judge(replace(view(), now=LATER))

    assert AlertState.FIRING not in muted
    assert AlertState.FIRING in [a.state for a in judge.alerts]


def test_the_most_urgent_finding_comes_first() -> None:
    judge = judge_of(TARGET, rule(gauge(half=150, full=250)), mutes={})

    judge.judge(view())

    assert [t.finding.object.name for t in judge.findings] == ["full", "half"]
