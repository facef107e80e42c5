"""Settings made of what checks and actions declare: their Thresholds and Options.

Nothing lists the modules here: a new one can be configured as soon as it
exists, and a name that none has is an error.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Self, TypeVar, cast, get_type_hints

from pydantic import BeforeValidator, FiniteFloat, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from monitor.maintenance.planner import kinds
from monitor.runtime.rules import discover
from monitor.settings.values import (
    Duration,
    Names,
    Section,
    format_duration,
    parse_duration,
    parse_size,
    problem,
)

Figure = float | bool
V = TypeVar("V")


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


def _given(model: Section) -> dict[str, dict[str, Any]]:
    """Return the groups that were set, each with the fields that were set."""
    groups = {name: getattr(model, name) for name in model.model_fields_set}
    return {
        name: {field: getattr(group, field) for field in group.model_fields_set}
        for name, group in groups.items()
        if group is not None
    }


class _Composed(Mapping[str, V]):
    """What is set for each discovered module, validated as one model of groups."""

    def __init__(self, given: Mapping[str, V] | None = None) -> None:
        self._given = dict(given or {})

    def __getitem__(self, name: str) -> V:
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._given!r})"

    @classmethod
    @abstractmethod
    def model(cls) -> type[Section]:
        """Return the model with an optional group for each module."""

    @classmethod
    @abstractmethod
    def from_given(cls, given: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return what the groups that were set say."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate as the composed model; an instance passes as it is."""

        def validate(value: object, composed: Callable[[object], Section]) -> object:
            if isinstance(value, cls):
                return value
            return cls.from_given(_given(composed(value)))

        return core_schema.no_info_wrap_validator_function(
            validate,
            handler(cls.model()),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.shown()
            ),
        )

    @abstractmethod
    def shown(self) -> dict[str, dict[str, object]]:
        """Return it as a settings file would have it."""


class ThresholdOverrides(_Composed[Mapping[str, Figure]]):
    """What is set for each check: only the fields that were given."""

    @classmethod
    def model(cls) -> type[Section]:
        """Return the model with a group for each check, advisor and lint."""
        return _thresholds_model()

    @classmethod
    def from_given(cls, given: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return the figures that were set; each check judges its own."""
        for check, values in given.items():
            check_levels(check, values)
        return cls(given)

    def shown(self) -> dict[str, dict[str, object]]:
        """Return it as a settings file would have it."""
        return {check: dict(values) for check, values in self.items()}


class ActionOptions(_Composed[object]):
    """For each kind of action that was set its `Options`, complete."""

    @classmethod
    def model(cls) -> type[Section]:
        """Return the model with a group for each kind of action."""
        return _options_model()

    @classmethod
    def from_given(cls, given: Mapping[str, Mapping[str, Any]]) -> Self:
        """Return options with the defaults filled in."""
        return cls({kind: kinds()[kind].options(**v) for kind, v in given.items()})

    def shown(self) -> dict[str, dict[str, object]]:
        """Return it as a settings file would have it."""
        return {kind: _as_written(options) for kind, options in self.items()}


def _as_written(options: object) -> dict[str, object]:
    return {
        field.name: format_duration(value) if isinstance(value, timedelta) else value
        for field in fields(cast("Any", options))
        for value in [getattr(options, field.name)]
    }


def check_levels(check: str, values: Mapping[str, Figure]) -> None:
    """Refuse levels that contradict one another or the check's defaults."""
    try:
        # The check's own class knows the order of its levels.
        discover()[check].thresholds(**values)
    except ValueError as error:
        # These classes name fields, never values.
        raise problem(f"of {check}: {error}") from None


@cache
def _thresholds_model() -> type[Section]:
    return _model(
        "Thresholds",
        {rule.name: _group(rule.thresholds, rule.unit) for rule in discover().values()},
    )


@cache
def _options_model() -> type[Section]:
    return _model("Options", {k: _group(kind.options) for k, kind in kinds().items()})


def _model(name: str, groups: Mapping[str, type[Section]]) -> type[Section]:
    members: dict[str, Any] = {
        key: (group | None, None) for key, group in groups.items()
    }
    return create_model(name, __base__=Section, **members)


def _group(kind: type[Any], unit: str = "") -> type[Section]:
    hints = get_type_hints(kind)
    members: dict[str, Any] = {
        field.name: (_spelled(hints[field.name], field.name, unit), field.default)
        for field in fields(kind)
    }
    return create_model(kind.__name__, __base__=Section, **members)


def _spelled(hint: object, name: str, unit: str) -> object:
    """Return the type that lets an operator write a field with its unit."""
    if hint is bool:
        return bool
    if hint is timedelta:
        return Duration
    if hint == tuple[str, ...]:
        return Names
    is_level = name.startswith(("warning", "critical"))
    suffix = unit if is_level else name.rpartition("_")[2]
    return _SPELLINGS.get(suffix, FiniteFloat)
