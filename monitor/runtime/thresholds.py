"""Which thresholds are in force for a target, and where each came from.

Lowest first: the check's default, the settings, the target's own, and the rows
of `monitoring.performance_thresholds` that an operator edited. A layer that does
not make sense is left out and reported; it never silences a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from math import isfinite
from types import MappingProxyType
from typing import Any

from monitor.errors import ConfigError
from monitor.model.finding import Severity
from monitor.model.state import EffectiveThreshold
from monitor.model.target import Target
from monitor.model.threshold import EditedThreshold
from monitor.runtime.rules import Rule

Layer = Mapping[str, Mapping[str, object]]
"""Check → field → value, holding only what was set on purpose."""

_NOTHING: Layer = MappingProxyType({})
_LEVELS = (("warning", Severity.WARNING), ("critical", Severity.CRITICAL))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A check's `Thresholds` in force, the origin of each field set, and problems."""

    values: Any
    origins: Mapping[str, str]
    problems: tuple[str, ...]


class ThresholdBook:
    """Keeps the layers and answers which thresholds a target's check has."""

    def __init__(self, rules: Mapping[str, Rule], settings: Layer = _NOTHING) -> None:
        self._rules = rules
        self._settings = _NOTHING
        self._edited: dict[str, dict[str, EditedThreshold]] = {}
        self.configure(settings)

    def configure(self, settings: Layer) -> None:
        """Take thresholds from the settings.

        Raises:
            ConfigError: they do not make sense; the former ones stay in force.
        """
        if found := problems(self._rules, settings):
            raise ConfigError(f"thresholds are not valid: {'; '.join(found)}")
        self._settings = settings

    def edit(self, target: Target, rows: Iterable[EditedThreshold]) -> tuple[str, ...]:
        """Take over the rows of a target's table; return what is wrong with them.

        Rows without `updated_by` are the shipped ones and count for nothing. An
        invalid row leaves the last good one for its metric in force.
        """
        before = self._edited.get(target.name, {})
        kept: dict[str, EditedThreshold] = {}
        found: list[str] = []
        for row in rows:
            if not row.updated_by:
                continue
            rule = self._by_metric(row.metric_name)
            if rule is None:
                found.append(_unknown("metric", row.metric_name, self._metric_names()))
                continue
            problem = self._problem(target, rule, row)
            if not problem:
                kept[rule.name] = row
                continue
            found.append(f"{row.metric_name}: {problem}")
            if rule.name in before:
                kept[rule.name] = before[rule.name]
        self._edited[target.name] = kept
        return tuple(found)

    def forget(self, target_name: str) -> None:
        """Drop the edited rows of a target that is no longer watched."""
        self._edited.pop(target_name, None)

    def holds(self, target: Target) -> Mapping[str, timedelta]:
        """Return how long findings of a check must last, where a row says so."""
        rows = self._edited.get(target.name, {})
        return {
            check: row.for_duration
            for check, row in rows.items()
            if row.for_duration is not None
        }

    def of(self, target: Target, check: str) -> Any:  # noqa: ANN401 - the check's own class
        """Return an instance of the check's `Thresholds`."""
        return self._resolve(target, self._rules[check]).values

    def find(self, target: Target, check: str) -> Any:  # noqa: ANN401 - the check's own class
        """Return an instance of the check's `Thresholds`; None without such a check."""
        return self.of(target, check) if check in self._rules else None

    def problems(self, target: Target) -> tuple[str, ...]:
        """Return what is wrong with the target's own thresholds."""
        unknown = _unknown_checks(self._rules, target.thresholds)
        resolved = (self._resolve(target, rule) for rule in self._rules.values())
        return tuple(unknown) + tuple(p for r in resolved for p in r.problems)

    def effective(self, target: Target) -> tuple[EffectiveThreshold, ...]:
        """Return every level in force for a target, with its origin."""
        return tuple(
            threshold
            for rule in self._rules.values()
            for threshold in self._levels(target, rule)
        )

    def _levels(self, target: Target, rule: Rule) -> Iterator[EffectiveThreshold]:
        resolved = self._resolve(target, rule)
        for name, level in _LEVELS:
            value = getattr(resolved.values, name, None)
            if value is not None and is_enabled(resolved.values):
                yield EffectiveThreshold(
                    check=rule.name,
                    level=level,
                    value=float(value),
                    unit=rule.unit,
                    origin=resolved.origins.get(name, "default"),
                )

    def _resolve(
        self, target: Target, rule: Rule, row: EditedThreshold | None = None
    ) -> Resolved:
        row = row or self._edited.get(target.name, {}).get(rule.name)
        layers = (
            ("settings", self._settings.get(rule.name, {})),
            ("target", target.thresholds.get(rule.name, {})),
            ("performance_thresholds", _fields_of(row) if row else {}),
        )
        return _stack(rule, layers)

    def _problem(self, target: Target, rule: Rule, row: EditedThreshold) -> str:
        if row.direction != rule.direction:
            return f'direction must be "{rule.direction}"'
        resolved = self._resolve(target, rule, row)
        origin = "performance_thresholds"
        mine = (p for p in resolved.problems if p.startswith(origin))
        return "; ".join(p.removeprefix(f"{origin}.{rule.name}: ") for p in mine)

    def _by_metric(self, metric_name: str) -> Rule | None:
        for rule in self._rules.values():
            if metric_name in (rule.metric_name, rule.name):
                return rule
        return None

    def _metric_names(self) -> list[str]:
        return [rule.metric_name or rule.name for rule in self._rules.values()]


def is_enabled(thresholds: object) -> bool:
    """Say whether a check is switched on; one that cannot be switched off is."""
    return bool(getattr(thresholds, "enabled", True))


def problems(rules: Mapping[str, Rule], layer: Layer) -> tuple[str, ...]:
    """Return what is wrong with a layer by itself, one sentence fragment each."""
    found = _unknown_checks(rules, layer)
    for name, values in layer.items():
        if name in rules:
            found += _stack(rules[name], (("thresholds", values),)).problems
    return tuple(found)


def _unknown_checks(rules: Mapping[str, Rule], layer: Layer) -> list[str]:
    return [_unknown("check", name, rules) for name in layer if name not in rules]


def _stack(rule: Rule, layers: Sequence[tuple[str, Mapping[str, object]]]) -> Resolved:
    values = rule.thresholds()
    origins: dict[str, str] = {}
    found: list[str] = []
    for origin, changes in layers:
        if not changes:
            continue
        try:
            values = _changed(values, changes)
        except ValueError as error:
            found.append(f"{origin}.{rule.name}: {error}")
            continue
        origins |= dict.fromkeys(changes, origin)
    return Resolved(values, origins, tuple(found))


def _changed(values: Any, changes: Mapping[str, object]) -> Any:  # noqa: ANN401 - as `of`
    known = [f.name for f in fields(values)]
    for name, value in changes.items():
        if name not in known:
            raise ValueError(_unknown("field", name, known))
        if problem := _type_problem(getattr(values, name), value):
            raise ValueError(f"{name} {problem}")
    return replace(values, **changes)


def _type_problem(current: object, value: object) -> str:
    if isinstance(current, bool) or not isinstance(current, (int, float)):
        return "" if isinstance(value, type(current)) else "has the wrong type"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "must be a number"
    return "" if isfinite(value) else "must be finite"


def _fields_of(row: EditedThreshold) -> dict[str, object]:
    pairs = {
        "warning": row.warning_threshold,
        "critical": row.critical_threshold,
        "enabled": None if row.enabled else False,
    }
    return {name: value for name, value in pairs.items() if value is not None}


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    hint = f', did you mean "{close[0]}"?' if close else ""
    return f'unknown {what} "{name}"{hint}'
