"""Finds every check, advisor and lint, and what each needs to be run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import Any

from monitor import resources
from monitor.model.catalog import Catalog
from monitor.model.finding import (
    Evidence,
    Finding,
    FindingKind,
    ObjectRef,
    Remedy,
    Severity,
)
from monitor.model.rows.lints import LintRow
from monitor.model.threshold import Direction, Parameters, level_names
from monitor.model.view import Key, View
from monitor.postgres.queries import Library, Query

_PACKAGES: tuple[tuple[str, FindingKind], ...] = (
    ("monitor.checks", "check"),
    ("monitor.advisor", "advice"),
    ("monitor.lints", "lint"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One module that turns a view into findings.

    `page` is its docstring. `alias` is the name under which Supabase's advisors know
    it, empty where they do not. `metric_name` is the specification's name for its
    figure, empty where it has none. `severities` are those it may give a finding.
    `needs` are row classes (or Catalog) without
    whose readings it can say nothing, `needs_rates` those without whose deltas.
    """

    name: str
    kind: FindingKind
    title: str
    page: str
    unit: str
    metric_name: str
    thresholds: type[Any]
    check: Callable[[View, Any], Iterable[Finding]]
    severities: frozenset[Severity] = frozenset()
    alias: str = ""
    needs: tuple[type[Any], ...] = ()
    needs_rates: tuple[type[Any], ...] = ()

    @property
    def direction(self) -> Direction:
        """Return whether larger or smaller figures are worse."""
        return getattr(self.thresholds, "DIRECTION", "above")

    def is_blind(self, view: View, datname: str | None = None) -> bool:
        """Say whether a view lacks what the rule needs; then it cannot speak.

        With `datname`, whether it lacks that for findings about one database.
        """
        return not (
            all(_has(view.readings, view, kind, datname) for kind in self.needs)
            and all(_has(view.lately, view, kind, datname) for kind in self.needs_rates)
        )


def _has(
    have: Mapping[Key, object], view: View, kind: type[Any], datname: str | None
) -> bool:
    if kind is Catalog:
        return bool(view.catalogs) if datname is None else datname in view.catalogs
    if datname is None:
        return any(known is kind for known, _ in have)
    return (kind, "") in have or (kind, datname) in have


@cache
def discover() -> Mapping[str, Rule]:
    """Return all rules by name, in order of name."""
    found: dict[str, Rule] = {}
    for package, kind in _PACKAGES:
        for name, module in resources.modules(package, "check").items():
            found[name] = _rule(name, kind, module)
    found |= {rule.name: rule for rule in _catalog_lints()}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def aliases() -> Mapping[str, str]:
    """Return the names of rules by the names that Supabase's advisors have for them."""
    return {rule.alias: name for name, rule in discover().items() if rule.alias}


def _rule(name: str, kind: FindingKind, module: ModuleType) -> Rule:
    thresholds: type[Any] = getattr(module, "Thresholds", Parameters)
    levels = {Severity(level.split("_")[0]) for level in level_names(thresholds)}
    return Rule(
        name=name,
        kind=kind,
        title=resources.title(module),
        page=resources.page(module),
        unit=getattr(module, "UNIT", ""),
        metric_name=getattr(module, "METRIC_NAME", ""),
        thresholds=thresholds,
        check=module.check,
        severities=frozenset({*levels, *getattr(module, "SEVERITIES", ())}),
        alias=getattr(module, "SPLINTER", ""),
        needs=getattr(module, "NEEDS", ()),
        needs_rates=getattr(module, "NEEDS_RATES", ()),
    )


def _catalog_lints() -> Iterator[Rule]:
    """Yield the files of `sql/lints`, each as a rule on what its query returned."""
    library = Library.load(resources.directory("sql") / "lints")
    for name in library.names:
        query = library.only(name)
        yield Rule(
            name=name,
            kind="lint",
            title=query.title,
            page=resources.with_alias(query.page, query.splinter),
            unit="",
            metric_name="",
            thresholds=Parameters,
            check=partial(_objections, query),
            severities=frozenset({query.severity}),
            alias=query.splinter,
            needs=(LintRow,),
        )


def _objections(query: Query, view: View, _thresholds: Parameters) -> Iterator[Finding]:
    for datname, rows in view.per_database(LintRow):
        for row in rows:
            if row.lint == query.name:
                yield Finding(
                    severity=query.severity,
                    database=datname,
                    object=ObjectRef(row.object_type, row.schemaname, row.name),
                    summary=row.detail,
                    evidence=(Evidence("category", query.category),),
                    remedy=_remedy(query, row),
                )


def _remedy(query: Query, row: LintRow) -> Remedy | None:
    if not row.remedy:
        return None
    return Remedy(sql=row.remedy, undo=row.undo, lock=query.lock, risk=query.risk)
