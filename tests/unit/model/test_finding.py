from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.finding import Finding, FindingKind, ObjectRef, Severity

FINDING = Finding(
    severity=Severity.CRITICAL,
    object=ObjectRef("table", "public", "orders"),
    summary="one thing",
    check="dead_tuples",
    target="orders",
    value=1.0,
)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("check", Severity.CRITICAL),
        ("lint", Severity.WARNING),
        ("advice", Severity.WARNING),
    ],
)
def test_only_checks_wake_someone(kind: FindingKind, expected: Severity) -> None:
    assert replace(FINDING, kind=kind).alert_severity == expected


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_lesser_severities_alert_as_they_are(severity: Severity) -> None:
    assert replace(FINDING, kind="lint", severity=severity).alert_severity == severity


def test_an_identity_does_not_depend_on_figures_or_words() -> None:
    other = replace(FINDING, value=2.0, summary="another", severity=Severity.INFO)

    assert other.id == FINDING.id


@pytest.mark.parametrize(
    "changes",
    [
        {"check": "table_bloat"},
        {"target": "other"},
        {"database": "app"},
        {"object": ObjectRef("table", "public", "items")},
        {"object": ObjectRef("table", "", "public.orders")},
    ],
)
def test_an_identity_depends_on_check_target_database_and_object(
    changes: dict[str, str],
) -> None:
    assert replace(FINDING, **changes).id != FINDING.id


def test_severities_are_ranked_from_the_most_urgent() -> None:
    ranked = sorted(Severity, key=lambda severity: severity.rank)

    assert ranked == [Severity.CRITICAL, Severity.WARNING, Severity.INFO]


def test_an_object_reads_as_its_qualified_name() -> None:
    names = [str(FINDING.object), str(ObjectRef("database", name="app"))]

    assert names == ["public.orders", "app"]
