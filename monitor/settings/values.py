"""The kinds of values that settings are made of: durations, sizes, lists, models.

Whatever comes from an environment variable is text, so each kind takes text too.
No message here repeats a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

_UNITS = (
    ("y", timedelta(days=365)),
    ("w", timedelta(weeks=1)),
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)
# Prometheus's own grammar: each unit at most once, the largest first.
_DURATION = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit, _ in _UNITS))
_SIZE = re.compile(r"(\d{1,15})\s*(B|kB|MB|GB|TB)", re.IGNORECASE)
_FACTORS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}


class Section(BaseModel):
    """A frozen group of settings that knows all of its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, given: object) -> object:
        """Name unknown keys together with the known ones, for "did you mean"."""
        return refuse_unknown(given, tuple(cls.model_fields))


def refuse_unknown(given: object, known: tuple[str, ...]) -> object:
    """Return what was given, unless it has keys that are not known."""
    keys = (str(key) for key in as_mapping(given) or ())
    unknown = tuple(key for key in keys if key not in known)
    if unknown:
        context = {"unknown": unknown, "known": known}
        raise PydanticCustomError("pgvigil_unknown", "unknown keys", context)
    return given


def problem(message: str, hint: str = "") -> PydanticCustomError:
    """Return an error in our own words; braces in them are safe."""
    return PydanticCustomError(
        "pgvigil", "{message}", {"message": message, "hint": hint}
    )


def parse_duration(value: object) -> object:
    """Return Prometheus's `1m30s` as a timedelta; 0 needs no unit."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    if text == "0":
        return timedelta()
    match = _DURATION.fullmatch(text)
    if not text or match is None or isinstance(value, bool):
        raise problem("must be a duration such as 30s, 5m or 1h30m")
    parts = zip(match.groups(), _UNITS, strict=True)
    return sum((int(n) * unit for n, (_, unit) in parts if n), timedelta())


def format_duration(value: timedelta) -> str:
    """Return a timedelta in Prometheus's form, whole milliseconds."""
    rest, parts = value, list[str]()
    for name, unit in _UNITS[2:]:
        count, rest = divmod(rest, unit)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts) or "0s"


def parse_size(value: object) -> object:
    """Return `10MB` (1024-based, as in postgresql.conf) as bytes."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return int(match[1]) * _FACTORS[match[2].lower()]
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise problem("must be a size such as 512kB, 10MB or 1GB")


def parse_items(value: object) -> object:
    """Return a list given as text: JSON, or names between commas.

    A table of indexes is one, too: that is how environment variables spell it.
    """
    if isinstance(value, str):
        text = value.strip()
        if not text.startswith("["):
            return tuple(part.strip() for part in text.split(",") if part.strip())
        value = _parse_json(text)
    table = as_mapping(value)
    return _in_order(table) if table is not None and _is_indexed(table) else value


def parse_table(value: object) -> object:
    """Return a mapping given as a JSON object in text."""
    return _parse_json(value) if isinstance(value, str) else value


def _is_indexed(table: Mapping[object, object]) -> bool:
    return all(isinstance(key, str) and key.isdecimal() for key in table)


def _in_order(table: Mapping[object, object]) -> tuple[object, ...]:
    items = sorted((int(str(key)), value) for key, value in table.items())
    if [index for index, _ in items] != list(range(len(items))):
        raise problem("must be numbered from 0 without a gap")
    return tuple(value for _, value in items)


def yaml_off(value: object) -> object:
    """Return the word `off` where YAML read it as false."""
    return "off" if value is False else value


def _parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        # The decoder's own message is fine, but its exception holds the text.
        raise problem("must be valid JSON") from None


def positive(value: timedelta) -> timedelta:
    """Refuse a duration that is not longer than nothing."""
    if value <= timedelta():
        raise problem("must be longer than 0s")
    return value


def _at_least_a_second(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise problem("must be at least 1s")
    return value


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)
]
Interval = Annotated[Duration, AfterValidator(_at_least_a_second)]
PositiveDuration = Annotated[Duration, AfterValidator(positive)]
Url = Annotated[str, Field(pattern=r"^https?://[^@\s]+$", max_length=2048)]
Names = Annotated[tuple[str, ...], BeforeValidator(parse_items)]
Table = Annotated[dict[str, str], BeforeValidator(parse_table)]
Items = BeforeValidator(parse_items)
"""For annotated tuples of sections."""


def as_mapping(value: object) -> Mapping[object, object] | None:
    """Return a mapping as such; None for everything else."""
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value)
    return None


def as_list(value: object) -> Sequence[object] | None:
    """Return a list or tuple as such; None for everything else."""
    return cast("list[object]", value) if isinstance(value, (list, tuple)) else None
