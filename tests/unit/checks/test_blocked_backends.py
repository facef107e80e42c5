from __future__ import annotations

import pytest

from monitor.checks import blocked_backends
from monitor.model.finding import Finding, ObjectRef, Severity
from monitor.model.rows.backends import BackendRow
from tests.unit.factories import current, make, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")


def backend(
    pid: int, *blocked_by: int, wait: float | None = None, **changes: object
) -> BackendRow:
    values: dict[str, object] = {
        "datname": "app",
        "usename": "web",
        "backend_type": "client backend",
        "state": "active",
    }
    return make(
        BackendRow,
        pid=pid,
        blocked_by=blocked_by,
        wait_seconds=wait,
        **(values | changes),
    )


def found_with(*rows: BackendRow) -> list[Finding]:
    return run(blocked_backends, view(current(BackendRow, *rows)))


@pytest.mark.parametrize(
    ("wait", "severity"), [(30, Severity.WARNING), (300, Severity.CRITICAL)]
)
def test_names_the_root_blocker(wait: float, severity: Severity) -> None:
    root = backend(
        1, state="idle in transaction", xact_seconds=99, application_name="x"
    )

    found = found_with(root, backend(2, 1, wait=wait), backend(3, 2, wait=5))

    assert [severity] == [f.severity for f in found]
    assert ObjectRef("backend", name="1") == found[0].object
    assert "blocks 2 backends, the longest for" in found[0].summary
    assert wait == found[0].value


def test_says_nothing_just_below_the_level() -> None:
    assert found_with(backend(1), backend(2, 1, wait=29.9)) == []


def test_says_nothing_when_nobody_waits() -> None:
    assert found_with(backend(1), backend(2)) == []


def test_ignores_its_own_waits() -> None:
    assert found_with(backend(1), backend(2, 1, wait=99, is_own=True)) == []


def test_terminates_an_idle_root_and_cancels_a_busy_one() -> None:
    idle = backend(1, state="idle in transaction")
    busy = backend(3)

    found = found_with(idle, backend(2, 1, wait=99), busy, backend(4, 3, wait=50))

    assert [f.remedy.sql for f in found if f.remedy] == [
        "select pg_catalog.pg_terminate_backend(1);",
        "select pg_catalog.pg_cancel_backend(3);",
    ]


def test_names_a_prepared_transaction_as_root() -> None:
    found = found_with(backend(2, 0, wait=99))

    assert found[0].summary.startswith("a prepared transaction blocks 1 backend")
    assert found[0].remedy is not None
    assert "pg_prepared_xacts" in found[0].remedy.sql


def test_admits_that_it_does_not_know_a_root_it_cannot_see() -> None:
    found = found_with(backend(2, 7, wait=99, usename=""))

    assert found[0].summary.startswith("backend 7 blocks")
    assert len(found[0].unknowns) == 1


def test_names_the_kind_of_a_root_without_a_role() -> None:
    root = backend(1, usename="", backend_type="autovacuum worker", state="")

    found = found_with(root, backend(2, 1, wait=99))

    assert "backend 1 (autovacuum worker, state unknown)" in found[0].summary


def test_reports_a_circle_of_waiters() -> None:
    found = found_with(backend(1, 2, wait=40), backend(2, 1, wait=45))

    assert [f.object.name for f in found] == ["1"]


def test_counts_a_victim_of_two_roots_behind_each() -> None:
    found = found_with(backend(1), backend(2), backend(3, 1, 2, wait=60))

    assert [f.object.name for f in found] == ["1", "2"]
