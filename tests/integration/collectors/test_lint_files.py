"""Every shipped lint, on every supported version, as the monitoring role."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import cast

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor import resources
from monitor.model.persona import RlsOptions
from monitor.model.rows.lints import LintRow
from monitor.model.target import Credentials
from monitor.postgres.queries import Library
from tests.collecting import SECONDS, bench
from tests.integration.postgres.schema import ensure_role

Admin = psycopg.AsyncConnection[TupleRow]

LIBRARY = Library.load(resources.directory("sql") / "lints")
COLUMNS = tuple(field.name for field in fields(LintRow) if field.name != "lint")
PARAMETER = re.compile(r"(?<!:):'(\w+)'")
ODD = """
create schema "a ""schema"" with %s and 'quotes'";
set search_path = "a ""schema"" with %s and 'quotes'";
create table "a table; -- with %(everything)s" (
    "a \\column {CONST } 117 115" integer, "pass""word" text
);
create view "a view" with (security_barrier) as select 1 as id;
create function "a function"("an argument" integer default 1) returns integer
language sql security definer as 'select 1';
create policy "a policy :relid 1 {SUBLINK " on "a table; -- with %(everything)s"
to public using (true);
create policy "another 'policy'" on "a table; -- with %(everything)s"
to lint_reader using ("pass""word" = ' :constvalue 1 [ 1 0 ] {VAR');
alter table "a table; -- with %(everything)s" enable row level security;
grant all on all tables in schema "a ""schema"" with %s and 'quotes'" to public;
"""


def test_every_lint_s_file_is_readable() -> None:
    assert LIBRARY.errors == ()


def test_lints_ask_only_for_parameters_that_there_are() -> None:
    asked = {
        name
        for lint in LIBRARY.names
        for path in LIBRARY.variants(lint)
        for name in PARAMETER.findall(path.read_text())
    }

    assert asked == RlsOptions().lint_parameters.keys()


@pytest.mark.promise(16)
@pytest.mark.pg("all")
async def test_every_lint_returns_text_in_the_order_of_its_row(
    reader: Credentials, admin: Admin
) -> None:
    await ensure_role(admin, "lint_reader", "nologin")
    await admin.execute(ODD.encode())
    exposed = RlsOptions(exposed_schemas=("a \"schema\" with %s and 'quotes'",))

    async with bench(reader, rls=exposed) as at:
        replies = await at.replies("lints")

    assert {r.name: str(r.error) for r in replies if r.error is not None} == {}
    assert {r.columns for r in replies} == {COLUMNS}
    rows = [cast("tuple[object, ...]", row) for r in replies for row in r.rows]
    assert rows
    assert all(isinstance(value, str) for row in rows for value in row)


@pytest.mark.pg("all")
async def test_no_lint_waits_for_a_locked_table(
    reader: Credentials, admin: Admin, conninfo: str
) -> None:
    await admin.execute(
        """
        create table notes (id integer primary key, owner text);
        create index on notes (lower(owner));
        create policy own on notes using (owner = current_user and id > abs(id));
        alter table notes enable row level security;
        create view shown as select id from notes;
        create materialized view kept as select id from notes;
        create table parts (id integer references notes) partition by range (id);
        create table parts_1 partition of parts for values from (1) to (2);
        grant select on notes, shown, kept, parts, parts_1 to public;
        """
    )

    async with (
        bench(reader) as at,
        await psycopg.AsyncConnection.connect(conninfo) as locker,
    ):
        await locker.execute(
            "lock table notes, shown, parts, parts_1 in access exclusive mode"
        )
        await locker.execute("refresh materialized view kept")
        replies = await at.session.run_all(
            at.collectors["lints"].requests(), seconds=SECONDS / 4
        )

    assert {r.name: str(r.error) for r in replies if r.error is not None} == {}
