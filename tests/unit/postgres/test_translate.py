"""Each error of the driver means one of ours."""

from __future__ import annotations

import psycopg
import pytest

from monitor.errors import (
    ExtensionMissing,
    InsufficientPrivilege,
    QueryTimedOut,
    TargetError,
    TargetUnreachable,
)
from monitor.postgres.translate import meaning_of, translate

PRELOAD = 'pg_stat_statements must be loaded via "shared_preload_libraries"'


@pytest.mark.parametrize(
    ("sqlstate", "message", "expected"),
    [
        ("42501", "", InsufficientPrivilege),
        ("28P01", "", InsufficientPrivilege),
        ("57014", "", QueryTimedOut),
        ("55P03", "", QueryTimedOut),
        ("57P01", "", TargetUnreachable),
        ("57P03", "", TargetUnreachable),
        ("57P05", "", TargetUnreachable),
        ("08006", "", TargetUnreachable),
        ("53300", "", TargetUnreachable),
        ("25P03", "", TargetUnreachable),
        ("58P01", "", ExtensionMissing),
        ("55000", PRELOAD, ExtensionMissing),
        ("55000", "recovery is in progress", TargetError),
        ("22021", "", TargetError),
        ("42P01", "", TargetError),
        (None, "", TargetError),
    ],
)
def test_sqlstate_decides_what_an_error_means(
    sqlstate: str | None, message: str, expected: type[TargetError]
) -> None:
    assert meaning_of(sqlstate, message).error is expected


def test_operational_error_without_sqlstate_is_a_lost_connection() -> None:
    error = psycopg.OperationalError("consuming input failed\nserver closed it")

    translated = translate(error, what="read stat_database")

    assert type(translated) is TargetUnreachable
    assert translated.message == "could not read stat_database"
    assert translated.detail == "consuming input failed server closed it"


def test_closed_connection_is_a_lost_connection() -> None:
    error = psycopg.InterfaceError("the connection is closed")

    assert type(translate(error, what="read")) is TargetUnreachable


def test_wrong_parameters_are_not_a_lost_connection() -> None:
    error = psycopg.ProgrammingError("query parameter missing: q")

    assert type(translate(error, what="read")) is TargetError


def test_sqlstate_is_named_in_the_detail() -> None:
    translated = translate(psycopg.errors.LockNotAvailable("locked"), what="read")

    assert translated.detail == "locked (SQLSTATE 55P03)"
