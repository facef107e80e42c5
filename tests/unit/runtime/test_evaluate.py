from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.model.catalog import Catalog
from monitor.model.finding import Finding, FindingKind, ObjectRef, Severity
from monitor.model.rows.sequences import SequencesRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Levels
from monitor.model.view import View
from monitor.runtime.evaluate import Evaluation, Evaluator
from monitor.runtime.rules import Rule
from monitor.runtime.thresholds import ThresholdBook
from tests.unit.factories import (
    NOW,
    current,
    lately,
    make_catalog,
    make_server,
    view,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    warning: float = 100
    critical: float = 200


Check = Callable[[View, Any], Iterable[Finding]]


def rule(
    check: Check, name: str = "gauge", kind: FindingKind = "check", **changes: Any
) -> Rule:
    return Rule(
        name=name,
        kind=kind,
        title=name.title(),
        page="",
        unit="",
        metric_name="",
        thresholds=Thresholds,
        check=check,
        **changes,
    )


def gauge(**values: float) -> Check:
    def check(_view: View, thresholds: Thresholds) -> Iterator[Finding]:
        for name, value in values.items():
            severity = thresholds.severity(value)
            if severity:
                yield Finding(
                    severity=severity, object=ObjectRef("thing", name=name), summary=""
                )

    return check


def broken(_view: View, _thresholds: object) -> Iterator[Finding]:
    yield Finding(severity=Severity.CRITICAL, object=ObjectRef("thing"), summary="")
    raise ZeroDivisionError("by nothing")


def evaluate(
    *rules: Rule,
    seen: View | None = None,
    open_ids: Iterable[str] = (),
    settings: dict[str, dict[str, object]] | None = None,
) -> Evaluation:
    by_name = {r.name: r for r in rules}
    evaluator = Evaluator(ThresholdBook(by_name, settings or {}), by_name)
    return evaluator.run(seen or view(), frozenset(open_ids))


def names(evaluation: Evaluation) -> list[str]:
    return [finding.object.name for finding in evaluation.findings]


def test_findings_carry_what_only_the_runner_knows() -> None:
    finding = evaluate(rule(gauge(a=100), kind="lint")).findings[0]

    expected = ("gauge", "lint", "Gauge", "orders")
    assert (finding.check, finding.kind, finding.title, finding.target) == expected


def test_findings_are_in_order_of_urgency_then_check_and_object() -> None:
    rules = (
        rule(gauge(b=100, a=100), name="second"),
        rule(gauge(z=100, y=200), name="first"),
    )

    assert names(evaluate(*rules)) == ["y", "z", "a", "b"]
    assert names(evaluate(*reversed(rules))) == ["y", "z", "a", "b"]


def test_of_two_findings_with_one_identity_the_worse_is_kept() -> None:
    def twice(_view: View, _thresholds: object) -> Iterator[Finding]:
        for severity in (Severity.INFO, Severity.CRITICAL, Severity.WARNING):
            yield Finding(severity=severity, object=ObjectRef("thing"), summary="")

    found = evaluate(rule(twice)).findings

    assert [f.severity for f in found] == [Severity.CRITICAL]


def test_a_crash_of_one_check_costs_that_check_only() -> None:
    evaluation = evaluate(rule(broken, name="broken"), rule(gauge(a=100)))

    assert names(evaluation) == ["a"]
    assert evaluation.failed == {"broken": "ZeroDivisionError: by nothing"}
    assert evaluation.evaluated == {"gauge"}


def test_a_check_that_crashes_with_relaxed_levels_is_not_judged() -> None:
    def fragile(_view: View, thresholds: Thresholds) -> Iterator[Finding]:
        if thresholds.warning < 100:
            raise ValueError
        yield from ()

    evaluation = evaluate(rule(fragile), open_ids=["some"])

    assert evaluation.failed.keys() == {"gauge"}
    assert evaluation.evaluated == frozenset()


@pytest.mark.requirement("S8.1.2-g")
@pytest.mark.parametrize(("value", "lasts"), [(99, True), (95, True), (94.9, False)])
def test_an_open_finding_lasts_until_it_is_clear_of_its_level(
    value: float,
    lasts: bool,  # noqa: FBT001
) -> None:
    opened = evaluate(rule(gauge(a=100))).findings[0]

    kept = evaluate(rule(gauge(a=value)), open_ids=[opened.id])
    fresh = evaluate(rule(gauge(a=value)))

    assert names(kept) == (["a"] if lasts else [])
    assert names(fresh) == []


def test_hysteresis_keeps_no_finding_that_was_not_open() -> None:
    opened = evaluate(rule(gauge(a=100))).findings[0]

    assert names(evaluate(rule(gauge(a=99, b=99)), open_ids=[opened.id])) == ["a"]


def test_a_rule_without_levels_has_no_hysteresis() -> None:
    runs: list[object] = []

    @dataclass(frozen=True)
    class Nothing:
        size: int = 1

    def check(_view: View, thresholds: object) -> Iterator[Finding]:
        runs.append(thresholds)
        yield from ()

    plain = Rule(
        name="plain",
        kind="check",
        title="",
        page="",
        unit="",
        metric_name="",
        thresholds=Nothing,
        check=check,
    )

    evaluate(plain, open_ids=["some"])

    assert runs == [Nothing()]


def test_a_check_that_is_switched_off_counts_as_judged() -> None:
    settings: dict[str, dict[str, object]] = {"gauge": {"enabled": False}}

    evaluation = evaluate(rule(gauge(a=100)), settings=settings)

    assert (evaluation.findings, evaluation.evaluated) == ((), {"gauge"})


@pytest.mark.promise(5)
def test_a_check_without_its_data_is_not_judged() -> None:
    needy = rule(gauge(a=100), needs=(ConnectionsRow,), needs_rates=(DatabaseRow,))
    parts = current(ConnectionsRow), lately(DatabaseRow)

    blind = evaluate(needy, seen=view(parts[0]))
    seeing = evaluate(needy, seen=view(*parts))

    assert (blind.findings, blind.evaluated) == ((), frozenset())
    assert seeing.evaluated == {"gauge"}


@pytest.mark.promise(5)
def test_a_finding_about_a_database_that_was_not_read_is_not_judged() -> None:
    needy = rule(gauge(), needs=(SequencesRow, Catalog, DatabaseRow))
    seen = view(
        current(DatabaseRow),
        current(SequencesRow, datname="app"),
        catalogs=[make_catalog(datname="app")],
        server=make_server(databases=("app", "unread")),
    )

    evaluation = evaluate(needy, seen=seen)

    def judged(database: str, check: str = "gauge") -> bool:
        ref = ObjectRef("thing")
        finding = Finding(
            severity=Severity.INFO,
            object=ref,
            summary="",
            check=check,
            database=database,
        )
        return evaluation.has_judged(finding)

    assert judged("app")
    assert judged("dropped")
    assert not judged("unread")
    assert not judged("app", check="another")


class Counting:
    """A rule's function that finds one thing more each time it runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, seen: View, thresholds: Thresholds) -> Iterable[Finding]:
        self.runs += 1
        return gauge(**dict.fromkeys(map(str, range(self.runs)), 150.0))(
            seen, thresholds
        )


def evaluate_twice(
    kind: FindingKind,
    later: timedelta,
    *,
    needs: tuple[type[Any], ...] = (),
    second: dict[str, dict[str, object]] | None = None,
) -> list[int]:
    """Return how many findings two evaluations of one target gave."""
    counting = rule(Counting(), kind=kind, needs=needs)
    book = ThresholdBook({"gauge": counting}, {})
    evaluator = Evaluator(book, {"gauge": counting})
    seen = view(catalogs=[make_catalog()])
    first = evaluator.run(seen, frozenset())
    book.configure(second or {})
    again = evaluator.run(replace(seen, now=NOW + later), frozenset())
    assert again.evaluated == {"gauge"}
    return [len(first.findings), len(again.findings)]


def test_a_check_runs_every_time() -> None:
    assert evaluate_twice("check", timedelta(seconds=5)) == [1, 2]


def test_a_check_on_relations_stands_until_tables_are_read_again() -> None:
    tables = view().target.intervals.tables
    soon = tables - timedelta(seconds=1)

    assert evaluate_twice("check", soon, needs=(Catalog,)) == [1, 1]
    assert evaluate_twice("check", tables, needs=(Catalog,)) == [1, 2]


def test_advice_stands_until_the_catalog_is_read_again() -> None:
    catalog = view().target.intervals.catalog

    assert evaluate_twice("advice", catalog - timedelta(seconds=1)) == [1, 1]
    assert evaluate_twice("lint", catalog) == [1, 2]


def test_new_thresholds_do_not_wait_for_the_catalog() -> None:
    changed: dict[str, dict[str, object]] = {"gauge": {"warning": 120.0}}

    assert evaluate_twice("advice", timedelta(seconds=5), second=changed) == [1, 2]
