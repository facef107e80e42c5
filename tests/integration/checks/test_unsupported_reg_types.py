"""Columns that pg_upgrade refuses, told from those that it takes."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "unsupported_reg_types"
REFUSED = """
create domain procedures as regprocedure;
create type pair as (name text, place regnamespace);
create table "Jobs" (
    id integer, run regproc, "all" procedures[], at pair, how regconfig
);
create materialized view kept as select 'sum(integer)'::regprocedure as run where false;
"""
NEAR_MISSES = """
create table taken (
    id integer, a regclass, b regtype, c regrole, d regclass[], e text, f oid
);
create table gone (id integer, run regproc);
alter table gone drop column run;
create view shown as select 'now'::regproc as run;
create table parts (id integer) partition by range (id);
"""


async def test_columns_that_an_upgrade_refuses_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, REFUSED)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "Jobs",
            (
                'table public."Jobs" keeps what pg_upgrade refuses: '
                'run (regproc), "all" (public.procedures[]), at (public.pair), '
                "how (regconfig)"
            ),
        ),
        (
            "kept",
            "table public.kept keeps what pg_upgrade refuses: run (regprocedure)",
        ),
    ]


async def test_columns_that_an_upgrade_takes_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()
