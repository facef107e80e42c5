from __future__ import annotations

import pytest

from monitor.checks import partition_default_rows
from monitor.model.finding import Finding, Severity
from monitor.model.rows.partitions import PartitionsRow
from tests.unit.factories import Part, current, lately, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h", "S-P1")


def row(**changes: object) -> PartitionsRow:
    values: dict[str, object] = {
        "oid": 1,
        "schemaname": "public",
        "relname": "events",
        "default_oid": 2,
        "default_schemaname": "app_partitions",
        "default_relname": "events_default",
    }
    return make(PartitionsRow, **(values | changes))


def found_with(*more: Part, **changes: object) -> list[Finding]:
    seen = view(current(PartitionsRow, row(**changes), datname="app"), *more)
    return run(partition_default_rows, seen)


def test_reports_a_default_partition_with_a_row() -> None:
    (found,) = found_with(default_tuples=1)

    assert found.severity is Severity.WARNING
    assert found.summary == "default partition of table public.events holds 1 rows"
    assert found.remedy is None


@pytest.mark.parametrize("tuples", [0, None])
def test_says_nothing_of_an_empty_or_absent_one(tuples: int | None) -> None:
    assert found_with(default_tuples=tuples) == []


def test_is_critical_while_rows_arrive() -> None:
    arrived = lately(PartitionsRow, row(default_inserted_total=5), datname="app")

    (found,) = found_with(arrived, default_tuples=5)

    assert found.severity is Severity.CRITICAL


def test_moves_the_rows_of_the_platform() -> None:
    (found,) = found_with(default_tuples=5, is_platform=True)

    assert found.remedy is not None
    assert found.remedy.sql == (
        "call app_private.move_default_rows('public.events', "
        "'2024-03-01', '2028-04-01');"
    )


def test_leaves_what_pg_partman_may_manage() -> None:
    (found,) = found_with(default_tuples=5, is_platform=True, has_partman=True)

    assert found.remedy is None
    assert "pg_partman" in str(found.evidence)
