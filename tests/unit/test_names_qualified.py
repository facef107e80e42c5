"""No name in our SQL is left to a search_path that somebody else could prepare."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from monitor.postgres.session_settings import Limits, Purpose, settings_for
from monitor.sqltext import tree
from tests.statements import (
    PLACEHOLDER,
    ROOT,
    SQL_FILES,
    Names,
    Text,
    names,
    sent,
    shipped,
)

# What a client sees first, then what only it can create in: nobody else's schema.
SAFE_PATH = "pg_catalog, pg_temp"
SCHEMAS = {
    "pg_catalog",
    "monitoring",
    "public",
    "app_private",
    "pg_stat_statements",
    PLACEHOLDER,
}


def unqualified(found: Names) -> set[tuple[str, ...]]:
    """Return the functions and relations that a search_path would decide about.

    A lone placeholder stands for an identifier that is composed with its schema.
    Types and operators are exempt: no session and no function of ours has another
    path than pg_catalog first and nothing after it that others may create in.
    """
    paths = found.functions | found.relations
    return {path for path in paths if path[0] not in SCHEMAS}


@pytest.mark.promise(15)
@pytest.mark.parametrize("source", [shipped, sent], ids=["shipped", "sent"])
def test_every_function_and_relation_has_its_schema(
    source: Callable[[], Iterator[Text]],
) -> None:
    texts = list(source())

    loose = {
        (text.place, path) for text in texts for path in unqualified(names(text.tree))
    }

    assert len(texts) > 50
    assert loose == set()


@pytest.mark.promise(15)
def test_what_is_not_qualified_is_found() -> None:
    parsed = tree.parse("with t as (select now()) select count(*) from t, orders")
    assert parsed is not None

    found = unqualified(names(parsed))

    assert found == {("now",), ("count",), ("orders",)}


@pytest.mark.promise(15)
def test_every_function_of_ours_fixes_its_path() -> None:
    functions = {
        path.name: path.read_text().lower()
        for path in SQL_FILES
        if "create or replace function" in path.read_text().lower()
        or "create function" in path.read_text().lower()
    }

    open_ones = [
        name
        for name, text in functions.items()
        if text.count("function monitoring.")
        - text.count("on function monitoring.")
        - text.count("execute function monitoring.")
        != text.count(f"set search_path = {SAFE_PATH}")
    ]

    assert len(functions) > 10
    assert open_ones == []


@pytest.mark.promise(15)
def test_none_of_our_functions_runs_with_its_owners_rights() -> None:
    # Optional, only for who polls, and without any value of the data.
    excepted = {"planner_stats.sql"}

    found = {
        path.name
        for path in SQL_FILES
        if "security definer" in path.read_text().lower()
    }

    assert found == excepted


@pytest.mark.promise(15)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_every_session_fixes_its_path(purpose: Purpose) -> None:
    assert settings_for(purpose, Limits())["search_path"] == SAFE_PATH


def test_the_printed_installation_fixes_its_path() -> None:
    text = (ROOT / "monitor" / "postgres" / "install.py").read_text()

    assert f"set local search_path = {SAFE_PATH};" in text
