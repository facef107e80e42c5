from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.model.finding import Severity
from monitor.postgres.query_file import QueryFile, parse

_PATH = Path("orders.sql")


def _parse(text: str) -> QueryFile:
    return parse(text, _PATH)


def test_a_file_without_a_header_has_the_defaults() -> None:
    file = _parse("select 1 as one")

    assert (file.title, file.page) == ("orders", "")
    assert file.interval == timedelta(seconds=60)
    assert file.timeout == timedelta(seconds=5)
    assert (file.scope, file.role, file.lane) == ("server", "", "poll")
    assert file.max_series == 1000
    assert file.requires == ()


def test_header_tags_are_read() -> None:
    file = _parse(
        "-- Open orders, one row per shop.\n"
        "-- Costs a scan of a small table.\n"
        "-- @interval 500ms\n-- @scope database\n-- @role standby\n"
        "-- @requires pg_stat_statements, wal_directory\n"
        "-- @timeout 2m\n-- @max_series 7\n-- @lane side\n"
        "select 1 as one;\n"
    )

    assert file.title == "Open orders, one row per shop"
    assert file.page.splitlines()[1] == "Costs a scan of a small table."
    assert file.interval == timedelta(milliseconds=500)
    assert file.timeout == timedelta(minutes=2)
    assert (file.scope, file.role, file.lane) == ("database", "standby", "side")
    assert file.requires == ("pg_stat_statements", "wal_directory")
    assert file.max_series == 7
    assert file.text.endswith("select 1 as one")


def test_a_lint_s_tags_are_read() -> None:
    file = _parse(
        "-- A table has no lock.\n"
        "-- @severity critical\n-- @category security\n"
        "-- @splinter 0007_policy_exists_rls_disabled\n"
        "-- @lock AccessExclusiveLock\n-- @risk It waits.\n"
        "select 1 as one;\n"
    )

    assert (file.severity, file.category) == (Severity.CRITICAL, "security")
    assert file.splinter == "0007_policy_exists_rls_disabled"
    assert (file.lock, file.risk) == ("AccessExclusiveLock", "It waits.")


def test_an_interval_may_name_one_of_the_targets_own() -> None:
    file = _parse("-- Quick.\n-- @interval activity\nselect 1 as one")

    assert (file.cadence, file.interval) == ("activity", timedelta(seconds=5))


def test_a_comment_after_a_column_is_its_help() -> None:
    file = _parse(
        "select\n"
        "    s.shop as shop, -- Name of the shop.\n"
        '    "weird" ,-- Bare and quoted.\n'
        "    t.bare,\n"
        "    pg_catalog.count(*) as orders_total  --   Orders, -- all of them.\n"
        "from shop as s -- no column\n"
        "where s.open -- nor this one\n"
    )

    assert file.help["shop"] == "Name of the shop."
    assert file.help["weird"] == "Bare and quoted."
    assert file.help["orders_total"] == "Orders, -- all of them."
    assert "bare" not in file.help


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("-- @intervall 5s\nselect 1", 1, 'unknown tag "@intervall"'),
        ("-- T\n-- @lane poll\n-- @lane side\nselect 1", 3, "given twice"),
        ("-- T\n-- @interval 5\nselect 1", 2, '"5" is not a duration'),
        ("-- @interval 0s\nselect 1", 1, '"0s" is not a duration'),
        ("-- @timeout soon\nselect 1", 1, '"soon" is not a duration'),
        ("-- @scope table\nselect 1", 1, "is one of server, database"),
        ("-- @role\nselect 1", 1, "is one of primary, standby"),
        ("-- @max_series many\nselect 1", 1, "whole number above 0"),
        ("-- @max_series 0\nselect 1", 1, "whole number above 0"),
        ("-- T\nselect\n a as b, -- x\n c as b -- y", 4, "described twice"),
        ("-- Only words.\n", 1, "there is no statement"),
        ("", 0, "there is no statement"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_reason(
    text: str, line: int, reason: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        _parse(text)

    assert refused.value.message.startswith(f"orders.sql:{line}: ")
    assert reason in refused.value.message


def test_a_comment_below_the_header_is_no_tag() -> None:
    file = _parse("select 1 as one\n-- @interval 5x\n")

    assert file.interval == timedelta(seconds=60)
