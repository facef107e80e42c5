from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.finding import Severity
from monitor.model.threshold import (
    Direction,
    Levels,
    Parameters,
    grade,
    level_names,
    relaxed,
    worst,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Above(Levels):
    warning: float = 100
    critical: float = 200
    warning_share: float = 0.5
    critical_share: float = 0.9
    min_calls: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Below(Levels):
    DIRECTION: ClassVar[Direction] = "below"

    warning: float = 90
    critical: float = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningOnly(Parameters):
    warning: float = 4
    critical: float | None = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (99.9, None),
        (100, Severity.WARNING),
        (199.9, Severity.WARNING),
        (200, Severity.CRITICAL),
    ],
)
def test_reaching_a_level_counts(value: float, expected: Severity | None) -> None:
    assert Above().severity(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(90, None), (89.9, Severity.WARNING), (80, Severity.WARNING)],
)
def test_a_lower_bound_must_be_passed(value: float, expected: Severity | None) -> None:
    assert Below().severity(value) == expected


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_worse_value_is_never_graded_better(a: float, b: float, level: float) -> None:
    better, worse = sorted((a, b))

    grades = [grade(v, warning=level / 2, critical=level) for v in (better, worse)]

    assert worst(*grades) == grades[1]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Above, {"warning": 201}),
        (Above, {"warning_share": 0.95}),
        (Above, {"critical": math.inf}),
        (Above, {"warning": math.nan}),
        (Below, {"warning": 79}),
    ],
)
def test_refuses_levels_out_of_order(
    kind: type[Levels], changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="warning"):
        kind(**changes)


def test_equal_levels_are_in_order() -> None:
    assert Above(warning=200).severity(200) == Severity.CRITICAL


def test_relaxing_makes_levels_easier_to_reach_and_leaves_the_rest() -> None:
    easier = relaxed(Above(), 0.05)

    assert easier == Above(
        warning=95, critical=190, warning_share=0.475, critical_share=0.855
    )


def test_relaxing_a_lower_bound_raises_it() -> None:
    assert relaxed(Below(), 0.05) == Below(warning=94.5, critical=84)


def test_relaxing_skips_a_level_that_is_not_there() -> None:
    assert relaxed(WarningOnly(), 0.5) == WarningOnly(warning=2)


def test_levels_are_told_by_their_names() -> None:
    expected = ("warning", "critical", "warning_share", "critical_share")

    assert level_names(Above) == expected


def test_the_worst_of_nothing_is_nothing() -> None:
    assert worst(None, None) is None
