"""Tables without a primary key, told from those that have or need none."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "no_primary_key"
KEYLESS = """
create table "Log" (id integer unique, body text);
create table parts (id integer) partition by range (id);
create table parts_1 partition of parts for values from (1) to (2);
"""
NEAR_MISSES = """
create table keyed (id integer primary key);
create table keyed_parts (id integer primary key) partition by range (id);
create table keyed_parts_1 partition of keyed_parts for values from (1) to (2);
create temporary table fleeting (id integer);
create view a_view as select id from keyed;
create schema auth;
create table auth.sessions (id integer);
create schema monitoring;
create table monitoring.samples (id integer);
"""


async def test_tables_without_a_primary_key_are_found_once_for_all_partitions(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, KEYLESS)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.INFO}
    assert told(found) == [
        ("Log", 'table public."Log" has no primary key'),
        ("parts", "table public.parts has no primary key"),
    ]


async def test_tables_that_have_or_need_none_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_a_table_of_an_extension_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "create extension fuzzystrmatch",
        "create table of_extension (id integer)",
        "alter extension fuzzystrmatch add table of_extension",
    )

    assert await objections(reader, LINT) == ()
