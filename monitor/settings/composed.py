"""Settings made of what checks, lints and advisors declare: their Thresholds.

Nothing lists the checks here: a new module can be configured as soon as it
exists, and a name that no module has is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import BeforeValidator, FiniteFloat, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from monitor import resources
from monitor.runtime.rules import Rule, discover
from monitor.settings.values import Section, parse_duration, parse_size, problem

Field = float | bool
Overrides = Mapping[str, Mapping[str, Field]]


def _spans(unit: timedelta) -> Callable[[object], object]:
    """Return a parser that takes durations where a check counts a unit."""

    def parse(value: object) -> object:
        if not isinstance(value, str) or not value[-1:].isalpha():
            return value
        duration = parse_duration(value)
        return duration / unit if isinstance(duration, timedelta) else duration

    return parse


_SPELLINGS: Mapping[str, Any] = {
    "bytes": Annotated[FiniteFloat, BeforeValidator(parse_size)],
    "days": Annotated[FiniteFloat, BeforeValidator(_spans(timedelta(days=1)))],
    "seconds": Annotated[FiniteFloat, BeforeValidator(_spans(timedelta(seconds=1)))],
}
"""How an operator may write a figure of each unit: 10MB, 14d, 1m30s."""


class ThresholdOverrides(Mapping[str, Mapping[str, Field]]):
    """What is set for each check: only the fields that were given."""

    def __init__(self, given: Overrides | None = None) -> None:
        self._given = dict(given or {})

    def __getitem__(self, check: str) -> Mapping[str, Field]:
        return self._given[check]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        return f"ThresholdOverrides({self._given!r})"

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate as a model with one group for each discovered check."""

        def validate(value: object, composed: Callable[[object], Section]) -> object:
            return value if isinstance(value, cls) else cls._from_model(composed(value))

        return core_schema.no_info_wrap_validator_function(
            validate,
            handler(_model()),
            serialization=core_schema.plain_serializer_function_ser_schema(dict),
        )

    @classmethod
    def _from_model(cls, model: Section) -> ThresholdOverrides:
        given = model.model_dump(exclude_unset=True)
        for check, values in given.items():
            check_levels(check, values)
        return cls(given)


def check_levels(check: str, values: Mapping[str, Field]) -> None:
    """Refuse levels that contradict one another or the check's defaults."""
    try:
        # The check's own class knows the order of its levels.
        discover()[check].thresholds(**values)
    except ValueError as error:
        # These classes name fields, never values.
        raise problem(f"of {check}: {error}") from None


@cache
def _model() -> type[Section]:
    groups: dict[str, Any] = {
        name: (_group(rule) | None, None) for name, rule in discover().items()
    }
    return create_model("Thresholds", __base__=Section, **groups)


def _group(rule: Rule) -> type[Section]:
    hints = get_type_hints(rule.thresholds)
    members: dict[str, Any] = {
        field.name: (_spelled(hints[field.name], field.name, rule.unit), field.default)
        for field in fields(rule.thresholds)
    }
    return create_model(f"{rule.name}_thresholds", __base__=Section, **members)


def _spelled(hint: object, name: str, unit: str) -> object:
    """Return the type that lets an operator write a field with its unit."""
    if hint is bool:
        return bool
    is_level = name.startswith(("warning", "critical"))
    suffix = unit if is_level else name.rpartition("_")[2]
    return _SPELLINGS.get(suffix, FiniteFloat)


@cache
def action_kinds() -> tuple[str, ...]:
    """Return the kinds of action: the modules in `monitor/maintenance` that plan."""
    return tuple(resources.modules("monitor.maintenance", "STATEMENT"))
