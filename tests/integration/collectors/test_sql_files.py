"""Every shipped query file, on every supported version, as the monitoring role."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

from monitor.collectors.build import Libraries
from monitor.model.rows import row_classes
from monitor.model.server import Server
from monitor.model.target import Credentials
from monitor.postgres.queries import Query
from monitor.postgres.request import Reply, Request
from tests.collecting import SECONDS, bench

_NOT_ROWS = {
    "catalog_activity",
    "catalog_definitions",
    "catalog_foreign_keys",
    "catalog_indexes",
    "catalog_policies",
    "catalog_relations",
    "databases",
    "epoch",
    "planner_stats",
    "planner_stats_usable",
    "roles",
    "statement_texts",
}
_ELSEWHERE = {"lints", "pgbouncer_pools"}
"""The rows of `sql/lints`, and of PgBouncer's admin console."""

_PARAMETERS = {
    "oids": [1259, 1260],
    "tokens": [-1, -1],
    "versions": [-1, -1],
    "queryids": [1, 2],
    "indexes": [2662],
    "policies": [1],
    "api_roles": ["pgvigil_reader"],
    "exposed_schemas": ["pg_catalog"],
}
_FAMILIES = {
    int: {20, 21, 23, 26},
    float: {700, 701},
    bool: {16},
    str: {19, 25, 1043},
}
_ARRAYS = {1005, 1007, 1009, 1016}
_MOMENT = 1184
_CALL = re.compile(r'(?<![\w."])([a-z_]+)\(')
_KEYWORDS = {"array", "coalesce", "greatest", "least", "nullif"}
_OUTPUT = re.compile(r"^    (?! |from ).* as (\w+),?(?:\s*--.*)?$", re.MULTILINE)
"""The select list is indented once, what lies deeper is not put out."""


_INSTALLED = {"planner_stats"}
"""Reads a function that is there only where somebody installed it."""


def _parameters(query: Query) -> Mapping[str, object] | None:
    found = {k: v for k, v in _PARAMETERS.items() if f"%({k})s" in query.sql}
    return found or None


def _request(query: Query) -> Request:
    return Request(name=query.name, sql=query.sql, parameters=_parameters(query))


def _queries(libraries: Libraries, server: Server) -> list[Query]:
    """Return what can run here; queries for standbys run on a primary, too."""
    chosen = [
        library.choose(name, server)
        for library in (libraries.stats, libraries.metrics)
        for name in library.names
    ]
    return [
        query
        for query in chosen
        if query.since.fits(server) and query.name not in _INSTALLED
    ]


def _matches(annotation: object, type_oid: int) -> bool:
    """Say whether values of a PostgreSQL type have the annotated Python type."""
    options = get_args(annotation) if _is_union(annotation) else (annotation,)
    kind = options[0]
    if kind in _FAMILIES:
        return type_oid in _FAMILIES[kind]
    if str(kind).startswith("tuple"):
        return type_oid in _ARRAYS
    if str(kind).startswith("typing.Literal"):
        return type_oid in _FAMILIES[str]
    return type_oid == _MOMENT


def _is_union(annotation: object) -> bool:
    return isinstance(annotation, types.UnionType)


def _mismatches(kind: type[Any], reply: Reply) -> list[str]:
    hints = get_type_hints(kind)
    return [
        f"{reply.name}.{name}: {hints[name]} is not of type {type_oid}"
        for name, type_oid in zip(reply.columns, reply.types, strict=True)
        if not _matches(hints[name], type_oid)
    ]


async def _run(
    reader: Credentials, repeat: int
) -> tuple[Sequence[Query], Sequence[Reply]]:
    libraries = Libraries.load(legacy_names=True)
    async with bench(reader, libraries=libraries) as at:
        queries = _queries(libraries, at.server) * repeat
        requests = [_request(query) for query in queries]
        return queries, await at.session.run_all(requests, seconds=SECONDS)


@pytest.mark.promise(15)
def test_every_function_of_a_shipped_file_is_qualified() -> None:
    libraries = Libraries.load(legacy_names=True)

    for library in (libraries.stats, libraries.metrics):
        for name in library.names:
            for path in library.variants(name):
                code = re.sub(r"--[^\n]*|'[^']*'", "", path.read_text())
                assert set(_CALL.findall(code)) <= _KEYWORDS, path.name


def test_every_shipped_file_is_readable() -> None:
    libraries = Libraries.load(legacy_names=True)

    assert libraries.errors == ()


def test_every_row_class_has_a_query_and_every_query_a_use() -> None:
    libraries = Libraries.load(legacy_names=True)

    assert set(libraries.stats.names) == (row_classes().keys() - _ELSEWHERE | _NOT_ROWS)


@pytest.mark.promise(16)
@pytest.mark.pg("all")
async def test_every_query_runs_twice_in_one_pipeline_as_the_reader(
    reader: Credentials,
) -> None:
    queries, replies = await _run(reader, repeat=2)

    failed = {
        str(query.path.name): str(reply.error)
        for query, reply in zip(queries, replies, strict=True)
        if reply.error is not None
    }
    assert failed == {}


@pytest.mark.pg("all")
async def test_statistics_have_the_fields_of_their_row_class(
    reader: Credentials,
) -> None:
    _, replies = await _run(reader, repeat=1)

    classes = row_classes()
    typed = [reply for reply in replies if reply.name in classes]
    for reply in typed:
        expected = tuple(field.name for field in fields(classes[reply.name]))
        assert expected == reply.columns, reply.name
    wrong = [text for r in typed for text in _mismatches(classes[r.name], r)]
    assert wrong == []


def test_variants_of_a_name_return_the_same_columns() -> None:
    libraries = Libraries.load(legacy_names=True)

    for library in (libraries.stats, libraries.metrics):
        for name in library.names:
            columns = {
                path.name: _OUTPUT.findall(path.read_text())
                for path in library.variants(name)
            }
            oldest = next(iter(columns.values()))
            assert columns == dict.fromkeys(columns, oldest)


@pytest.mark.pg("all")
async def test_only_columns_that_exist_are_described(reader: Credentials) -> None:
    queries, replies = await _run(reader, repeat=1)

    for query, reply in zip(queries, replies, strict=True):
        assert query.help.keys() - set(reply.columns) == set(), query.name
