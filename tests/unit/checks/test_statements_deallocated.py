from __future__ import annotations

import pytest

from monitor.checks import statements_deallocated
from monitor.model.finding import Finding, Severity
from monitor.model.rows.stat_statements_info import StatementsInfoRow
from tests.unit.factories import lately, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(rounds: int | None) -> list[Finding]:
    row = make(StatementsInfoRow, max_entries=5000, deallocations_total=rounds)
    return run(statements_deallocated, view(lately(StatementsInfoRow, row)))


def test_reports_evictions() -> None:
    found = found_with(1)

    assert [f.severity for f in found] == [Severity.WARNING]
    assert found[0].remedy is not None
    assert "= 10000;" in found[0].remedy.sql


@pytest.mark.parametrize("rounds", [0, None])
def test_says_nothing_without_evictions(rounds: int | None) -> None:
    assert found_with(rounds) == []
