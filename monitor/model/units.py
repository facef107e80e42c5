"""Figures as people read them: `1.5 GB`, `3 min 20 s`, `12,345`."""

from __future__ import annotations

_BYTES = ("bytes", "kB", "MB", "GB", "TB", "PB")
_STEP = 1024
_TWO_DIGITS = 10

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def size(size_bytes: float) -> str:
    """Return a size in the manner of pg_size_pretty, with one decimal below 10."""
    value = float(size_bytes)
    for unit in _BYTES[:-1]:
        if abs(value) < _STEP:
            return f"{_short(value)} {unit}"
        value /= _STEP
    return f"{_short(value)} {_BYTES[-1]}"


def duration(seconds: float) -> str:
    """Return a time span in its two largest units; under a second, milliseconds."""
    if seconds < 1:
        return f"{_short(seconds * 1000)} ms"
    if seconds < _MINUTE:
        return f"{_short(seconds)} s"
    for length, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
    ):
        if seconds >= length:
            return _two(seconds, length, name, smaller, smaller_name)
    return _two(seconds, _MINUTE, "min", 1, "s")


def number(value: float) -> str:
    """Return a count with thousands separated, or a fraction with one decimal."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def plural(count: int, singular: str, several: str = "") -> str:
    """Return `1 backend`, `3 backends`; `several` for words that differ."""
    return f"{number(count)} {singular if count == 1 else several or singular + 's'}"


def _two(
    seconds: float, length: int, name: str, smaller: int, smaller_name: str
) -> str:
    whole, rest = divmod(int(seconds), length)
    part = rest // smaller
    return f"{whole} {name} {part} {smaller_name}" if part else f"{whole} {name}"


def _short(value: float) -> str:
    if abs(value) >= _TWO_DIGITS or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}"
