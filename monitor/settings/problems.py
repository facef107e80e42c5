"""Turns validation errors into sentences: where, which key, what is wrong.

Never a value, and never the validator's own words, which may hold one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitor.errors import ConfigError
from monitor.settings.sources import PREFIX, Merged
from monitor.settings.suggest import did_you_mean, printable

_PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "bool": "must be true or false",
        "dict": "must be a group of keys",
        "enum": "must be {expected}",
        "float": "must be a number",
        "finite_number": "must be a finite number",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "int": "must be a whole number",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "literal_error": "must be {expected}",
        "list": "must be a list",
        "mapping": "must be a group of keys",
        "missing": "is missing",
        "model": "must be a group of keys",
        "string_pattern_mismatch": "does not have the right form",
        "string_too_long": "is too long",
        "string": "must be text",
        "tuple": "must be a list",
    }
)


def explain(error: ValidationError, merged: Merged) -> ConfigError:
    """Return one error that names every problem."""
    lines = [
        line
        for details in error.errors(include_url=False, include_input=False)
        for line in _lines(details, merged)
    ]
    if len(lines) == 1:
        message, hint = lines[0]
        return ConfigError(message, hint=hint)
    return ConfigError(
        f"found {len(lines)} problems in the settings",
        detail="\n".join(" ".join(filter(None, line)) for line in lines),
    )


def _lines(details: ErrorDetails, merged: Merged) -> Iterator[tuple[str, str]]:
    context: Mapping[str, Any] = details.get("ctx", {})
    path = tuple(str(part) for part in details["loc"])
    if "unknown" in context:
        for key in context["unknown"]:
            yield _unknown((*path, str(key)), context["known"], merged)
        return
    origin = merged.origin(path)
    subject = f"{spell(path)} {_phrase(details['type'], context)}".strip()
    yield _where(origin, subject), str(context.get("hint", ""))


def _unknown(
    path: tuple[str, ...], known: tuple[str, ...], merged: Merged
) -> tuple[str, str]:
    origin = merged.origin(path)
    if origin.startswith(PREFIX):
        hint = did_you_mean(path[-1], known, lambda name: variable((*path[:-1], name)))
        return f'environment variable "{printable(origin)}" sets nothing', hint
    hint = did_you_mean(path[-1], known)
    return _where(origin, f"{spell(path)} is not a setting"), hint


def _phrase(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "pgvigil":
        return str(context["message"])
    phrase = _PHRASES.get(kind) or _PHRASES.get(kind.partition("_")[0])
    return phrase.format_map(context) if phrase else "is not valid"


def _where(origin: str, subject: str) -> str:
    if not origin:
        return subject
    return f'"{origin}": {subject}'


def variable(path: tuple[str, ...]) -> str:
    """Return the environment variable that sets what is at a path."""
    return PREFIX + "__".join(path).upper()


def spell(path: tuple[str, ...]) -> str:
    """Return a path as people write it: `targets[0].dsn`."""
    spelled = ""
    for part in path:
        if part.isdecimal():
            spelled += f"[{part}]"
        else:
            spelled += f".{printable(part)}" if spelled else printable(part)
    return spelled or "settings"
