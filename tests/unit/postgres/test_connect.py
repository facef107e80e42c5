"""Connection strings and refusals: nothing secret in any error."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from monitor.errors import InsufficientPrivilege, TargetError, TargetUnreachable
from monitor.model.server import Pooler
from monitor.postgres import session_settings
from monitor.postgres.connect import parse, refusal
from monitor.postgres.session_settings import Limits, Purpose

SECRET = "hunter2"


@pytest.mark.parametrize(
    "conninfo",
    [
        f"postgresql://u:{SECRET}%zz@h/db",
        f"postgresql://u:a@{SECRET}@h/db",
        f"postgres://u:a/{SECRET}@h/db",
        f"postgres://u:1/{SECRET}@h/db",
        f"postgresql://u:p@h:{SECRET}/db",
        f"password={SECRET} {SECRET}",
        f"host=h {SECRET}x=1",
    ],
)
def test_unreadable_connection_string_is_not_quoted(conninfo: str) -> None:
    with pytest.raises(TargetUnreachable) as caught:
        parse(conninfo)

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "conninfo",
    [
        "",
        "host=/run/postgresql dbname=app",
        "postgresql://u:p%40ss@h1:5432,h2:5433/db",
        "postgresql://u:question?mark@h/db",
        "host=h dbname=odd@name",
    ],
)
def test_readable_connection_string_is_taken(conninfo: str) -> None:
    assert isinstance(parse(conninfo), dict)


def test_password_that_a_server_quotes_is_hidden() -> None:
    refused = refusal(psycopg.OperationalError(f"FATAL: bad {SECRET}"), SECRET)

    assert refused.detail == "FATAL: bad ********"
    assert type(refused) is TargetUnreachable


def test_refused_password_is_a_matter_of_privilege() -> None:
    said = 'FATAL: password authentication failed for user "u"'

    assert type(refusal(psycopg.OperationalError(said), None)) is InsufficientPrivilege


def test_other_refusals_mean_unreachable() -> None:
    said = "FATAL: sorry, too many clients already"

    refused: TargetError = refusal(psycopg.OperationalError(said), None)

    assert type(refused) is TargetUnreachable


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [(Purpose.POLL, "on"), (Purpose.SIDE, "on"), (Purpose.ACT, "off")],
)
def test_only_acting_sessions_may_write(purpose: Purpose, expected: str) -> None:
    settings = session_settings.settings_for(purpose, Limits())

    assert settings["default_transaction_read_only"] == expected


def test_limits_become_milliseconds() -> None:
    limits = Limits(statement=timedelta(seconds=2.5), lock=timedelta(0))

    settings = session_settings.settings_for(Purpose.POLL, limits)

    assert settings["statement_timeout"] == "2500"
    assert settings["lock_timeout"] == "0"


def test_options_escape_spaces_and_backslashes() -> None:
    options = session_settings.startup_options({"a": "x, y", "b": "\\"})

    assert options == "-c a=x,\\ y -c b=\\\\"


def test_settings_of_newer_servers_are_not_asked_of_older_ones() -> None:
    assert session_settings.newer_settings(130023) == {}
    assert "idle_session_timeout" in session_settings.newer_settings(140000)


def test_what_is_not_in_force_is_described_with_its_reason() -> None:
    wanted = {"jit": "off", "row_security": "on"}
    found = {"jit": "on", "row_security": "on"}

    missing = session_settings.lacking(wanted, found)

    assert session_settings.describe(missing, found, Pooler.NONE) == (
        "the server did not take our settings: jit = 'on'"
    )


def test_nothing_is_described_when_all_is_in_force() -> None:
    assert session_settings.describe((), {}, Pooler.SESSION) == ""
