from __future__ import annotations

import pytest

from monitor.checks import sequence_exhaustion
from monitor.model.finding import Finding, Severity
from monitor.model.rows.sequences import SequencesRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def found_with(used: float, **changes: object) -> list[Finding]:
    values: dict[str, object] = {
        "schemaname": "public",
        "sequencename": "orders_id_seq",
        "limit_value": 2**31 - 1,
    }
    row = make(SequencesRow, used_ratio=used, **(values | changes))
    return run(sequence_exhaustion, view(current(SequencesRow, row, datname="app")))


@pytest.mark.parametrize(
    ("used", "severity"), [(0.7, Severity.WARNING), (0.9, Severity.CRITICAL)]
)
def test_reports_a_sequence_near_its_end(used: float, severity: Severity) -> None:
    assert [severity] == [f.severity for f in found_with(used)]


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(0.699) == []


def test_widens_the_column_that_owns_the_sequence() -> None:
    found = found_with(0.9, tablename="Orders", columnname="id")

    assert found[0].remedy is not None
    assert 'alter table public."Orders" alter column id type bigint' in (
        found[0].remedy.sql
    )


def test_widens_a_sequence_without_owner() -> None:
    found = found_with(0.9)

    assert found[0].remedy is not None
    assert found[0].remedy.sql.startswith(
        "alter sequence public.orders_id_seq as bigint"
    )
