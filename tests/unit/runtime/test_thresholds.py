from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import ConfigError
from monitor.model.finding import Severity
from monitor.model.target import Target
from monitor.model.threshold import EditedThreshold
from monitor.runtime.rules import discover
from monitor.runtime.thresholds import ThresholdBook

pytestmark = pytest.mark.requirement("S8.1.2-a")

TARGET = Target(name="orders")


def book(**settings: dict[str, object]) -> ThresholdBook:
    return ThresholdBook(discover(), settings)


def edited(
    warning: float | None = 50, critical: float | None = 60, **changes: Any
) -> EditedThreshold:
    row = EditedThreshold(
        metric_name="avg_query_time_ms",
        warning_threshold=warning,
        critical_threshold=critical,
        updated_by="ada",
    )
    return replace(row, **changes)


def levels(seen: ThresholdBook, target: Target = TARGET) -> tuple[float, float]:
    values = seen.of(target, "query_time")
    return values.warning, values.critical


def origins(seen: ThresholdBook, target: Target = TARGET) -> dict[Severity, str]:
    found = (t for t in seen.effective(target) if t.check == "query_time")
    return {t.level: t.origin for t in found}


def test_a_check_s_default_holds_where_nothing_is_set() -> None:
    assert levels(book()) == (100, 500)
    assert set(origins(book()).values()) == {"default"}


def test_each_layer_wins_over_the_one_below() -> None:
    seen = book(query_time={"warning": 90, "critical": 400})
    target = Target(name="orders", thresholds={"query_time": {"warning": 80}})

    assert levels(seen) == (90, 400)
    assert levels(seen, target) == (80, 400)
    assert origins(seen, target) == {
        Severity.WARNING: "target",
        Severity.CRITICAL: "settings",
    }


def test_an_edited_row_wins_over_everything() -> None:
    target = Target(name="orders", thresholds={"query_time": {"warning": 80}})
    seen = book()

    problems = seen.edit(target, [edited()])

    assert (problems, levels(seen, target)) == ((), (50, 60))
    assert set(origins(seen, target).values()) == {"performance_thresholds"}


def test_an_edited_row_is_its_own_target_s_only() -> None:
    seen = book()

    seen.edit(TARGET, [edited()])

    assert levels(seen, Target(name="other")) == (100, 500)


def test_a_shipped_row_counts_for_nothing() -> None:
    seen = book()

    assert seen.edit(TARGET, [edited(updated_by="")]) == ()
    assert levels(seen) == (100, 500)


def test_a_row_may_name_the_check_and_set_one_level() -> None:
    seen = book()

    seen.edit(TARGET, [edited(warning=None, critical=600, metric_name="query_time")])

    assert levels(seen) == (100, 600)


def test_a_row_may_say_how_long_its_check_waits() -> None:
    seen = book()
    hour = timedelta(hours=1)

    seen.edit(TARGET, [edited(for_duration=hour)])

    assert seen.holds(TARGET) == {"query_time": hour}
    assert seen.holds(Target(name="other")) == {}


def test_a_row_can_switch_a_check_off() -> None:
    seen = book()

    seen.edit(TARGET, [edited(enabled=False)])

    assert not seen.of(TARGET, "query_time").enabled
    assert origins(seen) == {}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (edited(70, 60), "avg_query_time_ms: warning must not be above critical"),
        (edited(direction="below"), 'avg_query_time_ms: direction must be "above"'),
        (edited(float("nan")), "avg_query_time_ms: warning must be finite"),
        (
            edited(metric_name="avg_query_time_sm"),
            'unknown metric "avg_query_time_sm", did you mean "avg_query_time_ms"?',
        ),
    ],
)
def test_an_invalid_row_is_reported_and_the_last_good_one_kept(
    row: EditedThreshold, problem: str
) -> None:
    seen = book()
    seen.edit(TARGET, [edited(40, 45)])

    problems = seen.edit(TARGET, [row])

    assert problems == (problem,)
    expected = (100, 500) if row.metric_name.endswith("_sm") else (40, 45)
    assert levels(seen) == expected


def test_an_invalid_row_without_a_good_one_leaves_the_layers_below() -> None:
    seen = book()

    assert len(seen.edit(TARGET, [edited(70, 60)])) == 1
    assert levels(seen) == (100, 500)


def test_a_row_that_is_gone_counts_no_longer() -> None:
    seen = book()
    seen.edit(TARGET, [edited()])

    seen.edit(TARGET, [])

    assert levels(seen) == (100, 500)


def test_a_target_that_is_gone_is_forgotten() -> None:
    seen = book()
    seen.edit(TARGET, [edited()])

    seen.forget("orders")
    seen.forget("orders")

    assert levels(seen) == (100, 500)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query_tim": {}}, 'unknown check "query_tim", did you mean "query_time"?'),
        (
            {"query_time": {"warnin": 1}},
            'unknown field "warnin", did you mean "warning"?',
        ),
        ({"query_time": {"warning": "1"}}, "warning must be a number"),
        ({"query_time": {"warning": True}}, "warning must be a number"),
        ({"query_time": {"enabled": 1}}, "enabled has the wrong type"),
        ({"query_time": {"warning": 501}}, "warning must not be above critical"),
        ({"zzz": {}}, 'unknown check "zzz"'),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, dict[str, object]], message: str
) -> None:
    seen = book(query_time={"warning": 90})

    with pytest.raises(ConfigError) as caught:
        seen.configure(settings)

    assert message in str(caught.value)
    assert levels(seen) == (90, 500)


def test_a_target_s_nonsense_is_reported_and_left_out() -> None:
    thresholds = {"query_time": {"warning": 999.0}, "nothing": {"warning": 1.0}}
    target = Target(name="orders", thresholds=thresholds)
    seen = book()

    problems = seen.problems(target)

    assert levels(seen, target) == (100, 500)
    assert [p.partition(":")[0] for p in problems] == [
        'unknown check "nothing"',
        "target.query_time",
    ]


def test_every_level_in_force_is_listed_with_its_unit() -> None:
    found = {(t.check, t.level): t for t in book().effective(TARGET)}

    cache = found["cache_hit", Severity.WARNING]
    assert (cache.value, cache.unit, cache.origin) == (90, "percent", "default")
    assert ("invalid_index", Severity.WARNING) not in found
