"""Checks on the counters of pg_stat_database."""

from __future__ import annotations

import pytest

from monitor.checks import checksum_failures, deadlocks, temp_files
from monitor.model.finding import Severity
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.server import Extension
from tests.unit.factories import Part, current, lately, make, make_server, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")

MB = 1024 * 1024


def recent(**changes: object) -> Part:
    return lately(DatabaseRow, make(DatabaseRow, datname="app", **changes))


@pytest.mark.parametrize(
    ("count", "severity"), [(1, Severity.WARNING), (20, Severity.CRITICAL)]
)
def test_reports_deadlocks(count: int, severity: Severity) -> None:
    found = run(deadlocks, view(recent(deadlocks_total=count)))

    assert [severity] == [f.severity for f in found]


def test_says_nothing_without_deadlocks() -> None:
    assert run(deadlocks, view(recent(deadlocks_total=0))) == []


def test_reports_much_data_in_temporary_files() -> None:
    part = recent(temp_bytes_total=3000 * MB, temp_files_total=3)

    found = run(temp_files, view(part))

    assert [f.severity for f in found] == [Severity.WARNING]
    assert found[0].evidence[2].value == 1000 * MB


def test_says_nothing_about_little_data_in_temporary_files() -> None:
    assert run(temp_files, view(recent(temp_bytes_total=3000 * MB - 1))) == []


def test_names_where_the_spilling_statements_are() -> None:
    extension = Extension("pg_stat_statements", "public", (1, 11))
    server = make_server(extensions={"pg_stat_statements": extension})
    part = recent(temp_bytes_total=3000 * MB)

    remedy = run(temp_files, view(part, server=server))[0].remedy

    assert remedy is not None
    assert "public.pg_stat_statements" in remedy.sql


@pytest.mark.parametrize(
    ("parts", "severity"),
    [
        ((), Severity.WARNING),
        ((recent(checksum_failures_total=0),), Severity.WARNING),
        ((recent(checksum_failures_total=1),), Severity.CRITICAL),
    ],
)
def test_reports_checksum_failures(parts: tuple[Part, ...], severity: Severity) -> None:
    row = make(DatabaseRow, datname="app", checksum_failures_total=1)

    found = run(checksum_failures, view(current(DatabaseRow, row), *parts))

    assert [severity] == [f.severity for f in found]


@pytest.mark.parametrize("failures", [0, None])
def test_says_nothing_about_sound_pages(failures: int | None) -> None:
    row = make(DatabaseRow, datname="app", checksum_failures_total=failures)

    assert run(checksum_failures, view(current(DatabaseRow, row))) == []
