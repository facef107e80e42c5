"""Lints on expressions, as every server prints them."""

from __future__ import annotations

import psycopg
import pytest

from monitor.lint import lint

pytestmark = [pytest.mark.pg("all"), pytest.mark.requirement("S8.1.1-e")]

SCHEMA = """
create schema auth;
create function auth.uid() returns integer stable language sql as 'select 1';
create function auth.teams() returns setof integer stable language sql as 'select 1';
create function auth.may_see(integer) returns boolean stable language plpgsql
as 'begin return true; end';
create function auth.in_sql(integer) returns boolean stable language sql
as 'select $1 = 1';
create table "Docs" (id integer, "Owner" integer, team integer, body text);
create table members (id integer, team integer, usr integer, doc integer);
create index on "Docs" (team);
create index on members (usr);
alter table "Docs" enable row level security;
alter table members enable row level security;
"""
POLICIES = {
    "captured": "exists (select from members as m where m.doc = id and m.usr = 1)",
    "taught": "(select auth.uid()) in"
    " (select m.usr from members as m where m.team = team)",
    "correlated": "exists (select from members as m"
    ' where m.doc = "Docs".id and m.usr = (select auth.uid()))',
    "searched": 'exists (select from members as m where m.team = "Docs".id)',
    "own": 'exists (select from "Docs" as d where d.team = "Docs".id)',
    "set": "team = any (array(select m.team from members as m"
    " where m.usr = (select auth.uid())))",
    "hashed": "team in (select m.team from members as m where m.doc = 1)",
    "bare": '"Owner" = auth.uid()',
    "wrapped": '"Owner" = (select auth.uid())',
    "either": 'team = (select auth.uid()) or "Owner" = (select auth.uid())',
    "and_both": 'team = (select auth.uid()) and "Owner" = (select auth.uid())',
    "sourced": "team in (select t from auth.teams() as t)",
    "opaque": "auth.may_see(id)",
    "inlined": "auth.in_sql(id)",
}
EXPECTED = {
    "call_not_wrapped": {"bare"},
    "policy_captured_column": {"captured", "taught"},
    "policy_column_not_indexed": {"bare", "wrapped", "either"},
    "policy_correlated_subquery": {"correlated", "own", "searched"},
    "policy_function_not_inlinable": {"opaque"},
    "policy_not_analysed": set[str](),
    "policy_reads_own_table": {"own"},
    "policy_reads_rls_table": {
        "captured",
        "taught",
        "correlated",
        "set",
        "hashed",
        "searched",
    },
    "policy_subquery_column_not_indexed": {"searched"},
}


def test_each_policy_has_its_faults_and_no_other(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute(SCHEMA.encode())
        for name, using in POLICIES.items():
            policy = f'create policy {name} on "Docs" for select using ({using})'
            connection.execute(policy.encode())

        found = lint(connection, only=list(EXPECTED))

    named = {
        check: {one.object.name.split(".")[1] for one in found if one.check == check}
        for check in EXPECTED
    }
    assert named == EXPECTED
