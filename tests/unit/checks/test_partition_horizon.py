from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from monitor.checks import partition_horizon
from monitor.model.finding import Finding, Severity
from monitor.model.rows.partitions import PartitionsRow
from tests.unit.factories import NOW, current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h", "S-P1")

END = datetime.fromisoformat("2026-04-01T00:00:00+00:00")


def found_at(now: datetime, **changes: object) -> list[Finding]:
    values: dict[str, object] = {
        "schemaname": "public",
        "relname": "events",
        "names": ("events_2026_02", "events_2026_03"),
        "lowers": ("2026-02-01 00:00:00", "2026-03-01 00:00:00"),
        "uppers": ("2026-03-01 00:00:00", "2026-04-01 00:00:00"),
        "newest_bound": END,
    }
    row = make(PartitionsRow, **(values | changes))
    seen = view(current(PartitionsRow, row, datname="app"), now=now)
    return run(partition_horizon, seen)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (30.9, Severity.WARNING),
        (7, Severity.WARNING),
        (6.9, Severity.CRITICAL),
        (-30, Severity.CRITICAL),
    ],
)
def test_reports_a_table_whose_partitions_end_soon(
    days: float, severity: Severity
) -> None:
    found = found_at(END - timedelta(days=days))

    assert [severity] == [finding.severity for finding in found]


def test_says_nothing_a_month_ahead() -> None:
    assert found_at(END - timedelta(days=31)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"newest_bound": None},
        {"names": (), "lowers": (), "uppers": ()},
        {"lowers": ("2026-02-01 00:00:00", "2026-03-31 00:00:00")},
        {"lowers": ("2026-02-01 00:00:00", "")},
    ],
)
def test_says_nothing_where_partitions_have_no_end_or_are_not_months(
    changes: dict[str, object],
) -> None:
    assert found_at(END, **changes) == []


def test_takes_a_table_that_ended_long_ago_for_an_archive() -> None:
    later = END + timedelta(days=93)

    assert found_at(later) == []
    assert len(found_at(later, default_oid=7)) == 1


def test_creates_the_missing_months_of_the_platform() -> None:
    (found,) = found_at(
        NOW.replace(day=15), is_platform=True, default_relname="events_default"
    )

    assert found.remedy is not None
    assert found.remedy.sql.splitlines() == [
        f"select app_private.create_partition('public.events', '2026-0{month}-01');"
        for month in (4, 5, 6)
    ]


def test_leaves_other_tables_to_their_owner_and_to_pg_partman() -> None:
    (other,) = found_at(END)
    (managed,) = found_at(END, has_partman=True, is_platform=True)

    assert other.remedy is None
    assert managed.remedy is not None
    assert "partman" in managed.remedy.sql
    assert "pg_partman" in str(managed.evidence)
