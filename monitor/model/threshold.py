"""What every check's `Thresholds` rests on, and the rows an operator may edit.

A field whose name starts with `warning` or `critical` is a level: hysteresis
relaxes it. All other fields (`min_calls`, …) say when a check may speak at all.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from math import isfinite
from typing import Any, ClassVar, Literal, TypeVar, cast

from monitor.model.finding import Severity

Direction = Literal["above", "below"]
"""above: larger is worse and reaching the level counts. below: smaller is worse."""

T = TypeVar("T")

_LEVELS = ("warning", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What any check can be told: `enabled` False switches it off."""

    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels(Parameters):
    """Two levels in the check's unit, ordered by DIRECTION.

    Raises ValueError when they are not, naming the fields.
    """

    DIRECTION: ClassVar[Direction] = "above"

    warning: float
    critical: float

    def __post_init__(self) -> None:
        for first, second in _pairs(type(self)):
            _check_order(self, first, second, self.DIRECTION)

    def severity(self, value: float) -> Severity | None:
        """Return how bad a value is; None within the levels."""
        return grade(
            value,
            warning=self.warning,
            critical=self.critical,
            direction=self.DIRECTION,
        )


def grade(
    value: float, *, warning: float, critical: float, direction: Direction = "above"
) -> Severity | None:
    """Return how bad a value is against two levels; None within them."""
    if direction == "below":
        value, warning, critical = -value, -warning, -critical
        # "below 90" does not mean 90 itself.
        is_beyond = float.__gt__
    else:
        is_beyond = float.__ge__
    if is_beyond(float(value), float(critical)):
        return Severity.CRITICAL
    if is_beyond(float(value), float(warning)):
        return Severity.WARNING
    return None


def worst(*severities: Severity | None) -> Severity | None:
    """Return the most urgent of several grades; None when all are None."""
    known = [severity for severity in severities if severity is not None]
    return min(known, key=lambda severity: severity.rank, default=None)


def relaxed(thresholds: T, fraction: float) -> T:
    """Return thresholds whose levels are easier to reach by a fraction of each.

    A finding that is open stays open until it is clear of these.
    """
    sign = 1 if getattr(thresholds, "DIRECTION", "above") == "below" else -1
    names = level_names(type(thresholds))
    changes = {
        name: value * (1 + sign * fraction)
        for name in names
        if (value := getattr(thresholds, name)) is not None
    }
    return cast("T", replace(cast("Any", thresholds), **changes))


def level_names(kind: type[object]) -> tuple[str, ...]:
    """Return the fields of a `Thresholds` class that are levels."""
    names = (f.name for f in fields(cast("Any", kind)))
    return tuple(name for name in names if name.startswith(_LEVELS))


def _pairs(kind: type[object]) -> tuple[tuple[str, str], ...]:
    names = level_names(kind)
    pairs = ((n, n.replace("warning", "critical", 1)) for n in names)
    return tuple((n, other) for n, other in pairs if n != other and other in names)


def _check_order(
    thresholds: object, first: str, second: str, direction: Direction
) -> None:
    warning, critical = getattr(thresholds, first), getattr(thresholds, second)
    if not (isfinite(warning) and isfinite(critical)):
        raise ValueError(f"{first} and {second} must be finite numbers")
    if direction == "above" and warning > critical:
        raise ValueError(f"{first} must not be above {second}")
    if direction == "below" and warning < critical:
        raise ValueError(f"{first} must not be below {second}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedThreshold:
    """A row of `monitoring.performance_thresholds` that an operator changed.

    `metric_name` is a check's METRIC_NAME or its name; the levels are in the
    check's unit. None of either keeps the level of the layers below.
    """

    metric_name: str
    warning_threshold: float | None
    critical_threshold: float | None
    direction: str = "above"
    enabled: bool = True
    check_interval: timedelta | None = None
    for_duration: timedelta | None = None
    updated_by: str = ""
