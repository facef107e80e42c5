"""How figures and foreign text are written on a page."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from monitor.model.finding import Evidence
from monitor.model.units import duration, number, size

NOTHING: Final = "\N{EN DASH}"

_KEPT = "\n\t"
_HIDING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_TINY = 0.0005
_BRIEF = 0.0005
_FEW = 10
_PERCENT_POINT = 10


def visible(text: str) -> str:
    r"""Return text with what cannot be seen written out, as `\u202e`.

    Nothing is removed: a name that hides a character must not look like another.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c in _KEPT or unicodedata.category(c) not in _HIDING else _written(c)
        for c in text
    )


def _written(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode()


def finalize(value: object) -> object:
    """Return what a template's expression becomes before it is escaped."""
    if value is None:
        return ""
    return value if isinstance(value, Markup) else visible(str(value))


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago something was: `3 min 4 s ago`."""
    if since is None:
        return "never"
    passed = (now - since).total_seconds()
    return f"{duration(passed)} ago" if passed >= 1 else "now"


def span(value: timedelta | float | None) -> str:
    """Return a time span in its two largest units."""
    if value is None:
        return NOTHING
    passed = value.total_seconds() if isinstance(value, timedelta) else value
    if 0 < passed < _BRIEF:
        micros = passed * 1e6
        text = f"{micros:.2g}" if micros < _FEW else f"{micros:.0f}"
        return f"{text} \N{MICRO SIGN}s"
    return duration(passed) if passed else "0 s"


def signed(seconds: float) -> str:
    """Return a difference of times with its sign."""
    sign = "+" if seconds >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{span(abs(seconds))}"


def bytes_of(value: float | None) -> str:
    """Return a size."""
    return NOTHING if value is None else size(value)


def count(value: float | None) -> str:
    """Return a count, thousands separated."""
    return NOTHING if value is None else number(value)


def percent(value: float | None) -> str:
    """Return a share between 0 and 1 as percent."""
    if value is None:
        return NOTHING
    if 0 < value < _TINY:
        return "<0.1 %"
    points = value * 100
    if not points:
        return "0 %"
    return f"{points:.1f} %" if points < _PERCENT_POINT else f"{points:.0f} %"


def figure(evidence: Evidence) -> str:
    """Return evidence's value with its unit, as people read it."""
    value = evidence.value
    if isinstance(value, str):
        return value
    match evidence.unit:
        case "bytes":
            return size(value)
        case "seconds":
            return duration(value) if value else "0 s"
        case "ratio":
            return percent(value)
        case "ms":
            return duration(value / 1000) if value else "0 s"
        case unit:
            return f"{number(value)} {unit}".strip()


def clock(moment: datetime | None) -> str:
    """Return a moment to the second, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else NOTHING
