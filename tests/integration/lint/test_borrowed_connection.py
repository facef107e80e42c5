"""Lints on the caller's connection: they see its changes and leave no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import scalar_row

from monitor.errors import ConfigError, TargetError
from monitor.lint import lint
from monitor.model.finding import Severity
from monitor.model.persona import RlsOptions

pytestmark = [pytest.mark.pg("all"), pytest.mark.requirement("S8.1.1-e")]

FLAWED = """
create schema auth;
create function auth.uid() returns integer volatile language sql as 'select 1';
create table docs (id integer, owner integer, body jsonb);
create table shares (id integer, doc integer, usr integer);
alter table docs enable row level security;
create policy own on docs using (owner = auth.uid());
create policy shared on docs for select using (
    exists (select from shares as s where s.doc = id and s.usr = auth.uid())
);
create policy removed on docs for delete using (true);
drop policy removed on docs;
"""
EXPECTED = {
    ("call_not_wrapped", "docs.own"),
    ("call_not_wrapped", "docs.shared"),
    ("policy_captured_column", "docs.shared"),
    ("policy_column_not_indexed", "docs.own"),
    ("policy_subquery_column_not_indexed", "docs.shared"),
    ("policy_volatile_function", "docs.own"),
    ("policy_volatile_function", "docs.shared"),
}


@pytest.fixture
def connection(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(conninfo) as opened:
        yield opened


def settings(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select name, setting from pg_settings order by name"
    ).fetchall()


def test_changes_that_are_not_committed_are_judged(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute(FLAWED.encode())

    found = lint(connection)

    assert EXPECTED.issubset((one.check, one.object.name) for one in found)


def test_the_transaction_and_its_settings_are_left_as_they_were(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute(FLAWED.encode())
    connection.execute("set local search_path = auth, public")
    connection.execute("set lock_timeout = '7s'")
    connection.execute("insert into docs values (1, 1)")
    before = settings(connection)

    lint(connection)

    assert connection.info.transaction_status is TransactionStatus.INTRANS
    assert settings(connection) == before
    assert connection.execute("select count(*) from docs").fetchone() == (1,)
    connection.rollback()
    assert connection.execute("select to_regclass('docs')").fetchone() == (None,)


def test_what_was_rolled_back_is_not_found_any_more(
    connection: psycopg.Connection[Any],
) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute(FLAWED.encode())
        inside = lint(connection)

    outside = lint(connection)

    assert EXPECTED.issubset((one.check, one.object.name) for one in inside)
    assert not any(one.object.name.startswith("docs") for one in outside)


def test_an_idle_connection_is_idle_again(connection: psycopg.Connection[Any]) -> None:
    lint(connection)

    assert connection.info.transaction_status is TransactionStatus.IDLE


def test_a_connection_in_autocommit_with_rows_and_cursors_of_its_own_works(
    conninfo: str,
) -> None:
    with psycopg.connect(conninfo, autocommit=True) as opened:
        opened.execute(FLAWED.encode())
        opened.cursor_factory = psycopg.ClientCursor
        opened.row_factory = scalar_row

        found = lint(opened)

        assert opened.info.transaction_status is TransactionStatus.IDLE
    assert EXPECTED.issubset((one.check, one.object.name) for one in found)


def test_a_query_that_fails_does_not_abort_the_transaction(
    connection: psycopg.Connection[Any], conninfo: str
) -> None:
    connection.execute("create table kept (id integer)")
    with psycopg.connect(conninfo) as other:
        other.execute("lock table pg_catalog.pg_policy in access exclusive mode")

        with pytest.raises(TargetError, match="could not run query"):
            lint(connection)

    assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_a_transaction_that_has_failed_is_refused(
    connection: psycopg.Connection[Any],
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("select 1 / 0")

    with pytest.raises(TargetError, match="transaction that has failed"):
        lint(connection)


def test_a_migration_that_was_just_run_locks_nothing_out(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute(FLAWED.encode())
    connection.commit()
    connection.execute("lock table docs in access exclusive mode")

    found = lint(connection, only=["policy_captured_column"])

    assert [one.object.name for one in found] == ["docs.shared"]


def test_a_table_that_another_session_holds_is_passed_over(
    connection: psycopg.Connection[Any], conninfo: str
) -> None:
    connection.execute(FLAWED.encode())
    connection.commit()
    with psycopg.connect(conninfo) as other:
        other.execute("lock table docs in access exclusive mode")

        found = lint(connection)

    names = {one.check for one in found}
    assert "policy_volatile_function" in names
    assert "policy_captured_column" not in names


def test_lints_can_be_chosen_and_left_out(connection: psycopg.Connection[Any]) -> None:
    connection.execute(FLAWED.encode())

    chosen = lint(connection, only=["call_not_wrapped", "policy_captured_column"])
    fewer = lint(connection, only=["call_not_wrapped"], exclude=["call_not_wrapped"])

    assert {one.check for one in chosen} == {
        "call_not_wrapped",
        "policy_captured_column",
    }
    assert fewer == ()
    with pytest.raises(ConfigError, match='no lint "cache_hit"'):
        lint(connection, exclude=["cache_hit"])


def test_the_names_of_the_apis_roles_are_the_callers(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute("create table logs (id integer) partition by range (id)")
    connection.execute("alter table logs enable row level security")
    connection.execute("create table logs_1 partition of logs default")
    connection.execute("create role lint_web_user")
    connection.execute("grant select on logs_1 to lint_web_user")
    connection.execute("grant usage on schema public to lint_web_user")
    only = ["partition_without_rls"]

    others = lint(connection, only=only)
    ours = lint(connection, rls=RlsOptions(api_roles=("lint_web_user",)), only=only)

    assert others == ()
    assert [(one.object.name, one.severity) for one in ours] == [
        ("logs_1", Severity.CRITICAL)
    ]
