from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.server import Capability, Extension, Server
from monitor.postgres.queries import Library, Since
from monitor.postgres.query_file import parse

_PGSS = "pg_stat_statements"


def _server(
    version_num: int = 180001,
    *,
    extensions: Mapping[str, Extension] | None = None,
    capabilities: tuple[Capability, ...] = (),
    is_standby: bool = False,
) -> Server:
    return Server(
        version_num=version_num,
        version=str(version_num),
        role="reader",
        database="postgres",
        is_superuser=False,
        bypasses_rls=False,
        is_standby=is_standby,
        system_identifier=None,
        timeline=None,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        extensions=extensions or {},
        capabilities=capabilities,
    )


def _with_statements(*version: int, schema: str = "public") -> Server:
    return _server(extensions={_PGSS: Extension(_PGSS, schema, version)})


def _library(**files: str) -> Library:
    """Return a library of one-variant queries."""
    return Library(
        {
            name: ((Since("", ()), parse(text, Path(f"{name}.sql"))),)
            for name, text in files.items()
        }
    )


def _variants(*since: Since) -> Library:
    return Library(
        {"q": tuple((s, parse(f"select '{s}' as v", Path("q.sql"))) for s in since)}
    )


@pytest.mark.parametrize(
    ("version_num", "expected"),
    [
        (130022, ()),
        (150004, ()),
        (160000, (16,)),
        (160009, (16,)),
        (170001, (17,)),
        (180000, (17,)),
        (190000, (17,)),
    ],
)
def test_the_newest_variant_that_fits_a_server_is_chosen(
    version_num: int, expected: tuple[int, ...]
) -> None:
    library = _variants(Since("", ()), Since("", (16,)), Since("", (17,)))

    query = library.choose("q", _server(version_num))

    assert expected == query.since.version


@pytest.mark.parametrize(
    ("installed", "expected"),
    [((1, 8), (1, 8)), ((1, 9), (1, 9)), ((1, 10), (1, 9)), ((1, 12), (1, 11))],
)
def test_variants_follow_the_version_of_an_extension_as_numbers(
    installed: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    known = ((1, 8), (1, 9), (1, 11))
    library = _variants(*(Since(_PGSS, version) for version in known))

    query = library.choose("q", _with_statements(*installed))

    assert expected == query.since.version
    assert library.reason_to_skip(query, _with_statements(*installed)) == ""


def test_a_name_without_a_fitting_variant_is_skipped_with_what_it_needs() -> None:
    library = _variants(Since("", (16,)))
    server = _server(150001)

    reason = library.reason_to_skip(library.choose("q", server), server)

    assert reason == "needs PostgreSQL 16 or newer"


@pytest.mark.parametrize(
    ("role", "is_standby", "expected"),
    [
        ("primary", False, ""),
        ("primary", True, "runs on a primary only"),
        ("standby", True, ""),
        ("standby", False, "runs on a standby only"),
    ],
)
def test_a_query_for_one_role_is_skipped_in_the_other(
    role: str, *, is_standby: bool, expected: str
) -> None:
    library = _library(q=f"-- T\n-- @role {role}\nselect 1 as one")
    server = _server(is_standby=is_standby)

    reason = library.reason_to_skip(library.choose("q", server), server)

    assert expected == reason


def test_a_missing_capability_is_the_reason_with_its_cure() -> None:
    library = _library(q="-- T\n-- @requires wal_directory\nselect 1 as one")
    missing = Capability(
        name="wal_directory", available=False, reason="no", cure="Grant it."
    )
    server = _server(capabilities=(missing,))

    reason = library.reason_to_skip(library.choose("q", server), server)

    assert reason == "no; Grant it."


def test_an_installed_extension_is_enough_for_requires() -> None:
    library = _library(q=f"-- T\n-- @requires {_PGSS}\nselect 1 as one")
    server = _with_statements(1, 11)

    query = library.choose("q", server)

    assert library.reason_to_skip(query, server) == ""
    assert _PGSS in library.reason_to_skip(query, _server())


def test_an_extensions_schema_is_put_in_quoted() -> None:
    library = _library(q=f'select 1 from :"{_PGSS}".f() where x::"char" = \'r\'')

    query = library.choose("q", _with_statements(1, 11, schema='odd "one'))

    assert query.sql == 'select 1 from "odd ""one".f() where x::"char" = \'r\''


def test_a_query_of_an_extension_that_is_not_installed_is_skipped() -> None:
    library = _library(q=f'select 1 from :"{_PGSS}".f()')

    query = library.choose("q", _server())

    assert library.reason_to_skip(query, _server()) == (
        f'needs extension or capability "{_PGSS}"'
    )


def test_parameters_become_the_drivers_and_percent_signs_are_doubled() -> None:
    library = _library(q="select 5 % 2 from unnest(:'oids'::oid[]) as u")

    query = library.choose("q", _server())

    assert query.sql == "select 5 %% 2 from unnest(%(oids)s::oid[]) as u"


def test_percent_signs_stay_in_a_statement_without_parameters() -> None:
    library = _library(q="select 'a' like 'b%' as is_like")

    assert library.choose("q", _server()).sql == "select 'a' like 'b%' as is_like"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_no_name_of_a_schema_leaves_its_quotes(schema: str) -> None:
    library = _library(q=f'select 1 from :"{_PGSS}".f()')

    rendered = library.choose("q", _with_statements(1, 9, schema=schema)).sql

    inside = rendered.removeprefix('select 1 from "').removesuffix('".f()')
    assert inside.replace('""', "") == schema.replace('"', "")
    assert inside.replace('""', '"') == schema
