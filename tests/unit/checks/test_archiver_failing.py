from __future__ import annotations

import pytest

from monitor.checks import archiver_failing
from monitor.model.finding import Finding, Severity
from monitor.model.rows.stat_archiver import ArchiverRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(archived: float | None, failed: float | None) -> list[Finding]:
    row = make(
        ArchiverRow,
        last_archived_age_seconds=archived,
        last_failed_age_seconds=failed,
        last_failed_wal="000000010000000000000001",
    )
    return run(archiver_failing, view(current(ArchiverRow, row)))


@pytest.mark.parametrize(
    ("archived", "severity"),
    [(60, Severity.WARNING), (900, Severity.CRITICAL), (None, Severity.CRITICAL)],
)
def test_reports_failures_since_the_last_success(
    archived: float | None, severity: Severity
) -> None:
    assert [severity] == [f.severity for f in found_with(archived, 1)]


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(59.9, 1) == []


def test_says_nothing_once_a_file_was_archived_again() -> None:
    assert found_with(900, 901) == []


def test_says_nothing_when_nothing_ever_failed() -> None:
    assert found_with(900, None) == []


def test_can_do_without_the_name_of_the_file() -> None:
    row = make(ArchiverRow, last_failed_age_seconds=1.0)

    found = run(archiver_failing, view(current(ArchiverRow, row)))

    assert found[0].summary == "could not archive a WAL file; none was ever archived"
