"""Checks on checkpoints and on the WAL directory."""

from __future__ import annotations

import pytest

from monitor.checks import checkpoint_pressure, wal_volume
from monitor.model.finding import Severity
from monitor.model.rows.stat_checkpointer import CheckpointerRow
from monitor.model.rows.wal_directory import WalDirectoryRow
from tests.unit.factories import Part, current, lately, make, make_server, run, view

pytestmark = pytest.mark.requirement("S8.1.2-h")

GB = 1024**3


def checkpoints(requested: int, timed: int = 0) -> Part:
    row = make(CheckpointerRow, requested_total=requested, timed_total=timed)
    return lately(CheckpointerRow, row, seconds=300)


def directory(size: int, expected: int = GB) -> Part:
    row = make(WalDirectoryRow, size_bytes=size, expected_bytes=expected)
    return current(WalDirectoryRow, row)


@pytest.mark.parametrize(
    ("requested", "severity"), [(2, Severity.WARNING), (5, Severity.CRITICAL)]
)
def test_forced_checkpoints_are_pressure(requested: int, severity: Severity) -> None:
    (found,) = run(checkpoint_pressure, view(checkpoints(requested)))

    assert found.severity is severity
    assert found.value == requested * 12


@pytest.mark.parametrize(("requested", "timed"), [(1, 0), (0, 9)])
def test_timed_ones_and_a_single_command_are_none(requested: int, timed: int) -> None:
    assert run(checkpoint_pressure, view(checkpoints(requested, timed))) == []


def test_the_cure_is_twice_what_is_allowed_for_now() -> None:
    (found,) = run(checkpoint_pressure, view(checkpoints(2), directory(GB, GB)))

    assert found.remedy is not None
    assert "max_wal_size = '2048MB'" in found.remedy.sql


def test_a_standby_does_not_begin_checkpoints() -> None:
    standby = make_server(is_standby=True)

    assert run(checkpoint_pressure, view(checkpoints(9), server=standby)) == []


@pytest.mark.parametrize(
    ("size", "severity"), [(2 * GB, Severity.WARNING), (5 * GB, Severity.CRITICAL)]
)
def test_a_wal_directory_far_above_its_settings_is_told(
    size: int, severity: Severity
) -> None:
    (found,) = run(wal_volume, view(directory(size)))

    assert found.severity is severity


@pytest.mark.parametrize(
    ("size", "expected"), [(2 * GB - 1, GB), (2 * GB - 1, GB // 8), (9 * GB, 0)]
)
def test_a_small_one_is_well_whatever_the_settings(size: int, expected: int) -> None:
    assert run(wal_volume, view(directory(size, expected))) == []
