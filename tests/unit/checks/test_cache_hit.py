from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.checks import cache_hit
from monitor.model.finding import Finding, Severity
from monitor.model.rows.stat_database import DatabaseRow
from tests.unit.factories import NOW, lately, make, make_server, run, view

pytestmark = pytest.mark.requirement("S8.1.2-d")


def found_with(hit: int, read: int, **server: object) -> list[Finding]:
    row = make(DatabaseRow, datname="app", blks_hit_total=hit, blks_read_total=read)
    return run(cache_hit, view(lately(DatabaseRow, row), server=make_server(**server)))


@pytest.mark.parametrize(
    ("hit", "severity"), [(8999, Severity.WARNING), (8499, Severity.CRITICAL)]
)
def test_reports_a_low_ratio(hit: int, severity: Severity) -> None:
    found = found_with(hit, 10_000 - hit)

    assert [severity] == [f.severity for f in found]
    assert hit / 100 == pytest.approx(found[0].value)


@pytest.mark.parametrize("hit", [9900, 9000])
def test_says_nothing_at_or_above_the_level(hit: int) -> None:
    assert found_with(hit, 10_000 - hit) == []


@pytest.mark.parametrize("accesses", [0, 999])
def test_says_nothing_about_too_few_accesses(accesses: int) -> None:
    assert found_with(0, accesses) == []


@pytest.mark.parametrize(("minutes", "count"), [(9, 0), (10, 1)])
def test_waits_while_buffers_fill_after_a_restart(minutes: int, count: int) -> None:
    started_at = NOW - timedelta(minutes=minutes)

    assert count == len(found_with(0, 10_000, started_at=started_at))
