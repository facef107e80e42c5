"""Who pays for policies: what is attributed against what really ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.rls import Probes
from monitor.model.rls_observed import Observations
from monitor.model.rows.helper_functions import HelperFunctionRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.target import Credentials
from monitor.model.view import StatementText, View
from monitor.rls.observed import observe
from monitor.rls.tax import taxes
from tests.collecting import bench, eventually
from tests.integration.rls.workload import (
    SERVICE,
    USER,
    Case,
    cases,
    filters,
    prepare,
    run,
    truth,
)
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]

CATALOG = (
    "catalog",
    "policy_references",
    "policy_functions",
    "view_references",
    "role_attributes",
    "sql_functions",
)


@dataclass
class Watch:
    """The daemon's eyes on one database."""

    court: Court
    texts: dict[int, StatementText]

    async def look(self) -> View:
        """Read statistics and texts; return all that is known."""
        await self.court.read("stat_statements")
        collector = self.court.at.collectors["statement_texts"]
        while collector.requests():
            collected = await self.court.at.collect("statement_texts")
            self.texts |= collected.texts
        return replace(self.court.view(), texts=self.texts)


@asynccontextmanager
async def watching(reader: Credentials) -> AsyncGenerator[Watch]:
    async with bench(reader) as at:
        watch = Watch(Court(at), {})
        await watch.court.read(*CATALOG, "stat_statements")
        yield watch


async def go_through(admin: Admin, chosen: Iterable[Case], major: int) -> None:
    # Before 14 entries do not say whether a function ran the statement inside.
    track = "all" if major >= 14 else "top"
    await admin.execute(f"set pg_stat_statements.track = '{track}'".encode())
    for case in chosen:
        await run(admin, case)


def calls(observations: Observations) -> Counter[tuple[str, str]]:
    """Return calls by table, schema included where it is not public, and role."""
    counted: Counter[tuple[str, str]] = Counter()
    for each in observations.found:
        table = each.table
        schema = "" if table.schemaname in ("", "public") else f"{table.schemaname}."
        counted[schema + table.relname, table.role] += each.calls
    return counted


def by_text(view: View, tables: Iterable[str], datname: str) -> Counter[str]:
    """Return calls by table as a search for its name in the texts finds them."""
    counted: Counter[str] = Counter()
    delta = view.recent(StatementRow)
    for row in delta.rows if delta else ():
        text = view.texts[row.queryid].text
        for table in tables if view.databases.get(row.dbid) == datname else ():
            if table.split(".")[-1] in text:
                counted[table] += row.calls_total
    return counted


@pytest.mark.requirement("S8.1.1-d")
@pytest.mark.pg("all")
async def test_calls_are_attributed_to_the_right_tables_and_roles(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await prepare(admin, major)
    chosen = [case for case in cases(major) if not case.is_hidden]

    async with watching(reader) as watch:
        await go_through(admin, chosen, major)
        observations = observe(await watch.look())

    assert calls(observations) == truth(chosen)
    assert {each.attribution for each in observations.found} == {"ast"}
    assert all(each.seconds > 0 for each in observations.found)
    assert observations.quality.unknown_statements == 0


@pytest.mark.pg("all")
async def test_what_the_cases_say_is_what_the_server_says(
    admin: Admin, major: int
) -> None:
    await prepare(admin, major)
    wrong: list[str] = []

    for case in cases(major):
        await admin.execute(f"set role {case.role}".encode())
        if case.before:
            await admin.execute(case.before.encode())
        await admin.execute("reset role")
        answer = await filters(admin, case)
        expected = bool(case.tables) and not case.is_opaque
        if answer is not None and answer != expected:
            wrong.append(f"{case.role}: {case.sql}")

    assert wrong == []


@pytest.mark.pg
async def test_a_search_for_names_in_texts_is_wrong(
    reader: Credentials, admin: Admin, major: int, database: str
) -> None:
    await prepare(admin, major)
    chosen = cases(major)
    right: Counter[str] = Counter()
    for (table, _), number in truth(chosen).items():
        right[table] += number

    async with watching(reader) as watch:
        await go_through(admin, chosen, major)
        found = by_text(await watch.look(), right, database)

    assert found["notes"] > 1.5 * right["notes"]
    assert found["ledger"] > 3 * right["ledger"]
    assert found["events_login"] == right["events_login"]
    assert {table for table in right if found[table] != right[table]} >= {
        "notes",
        "members",
        "ledger",
        "events",
    }


@pytest.mark.pg
async def test_what_the_parser_cannot_see_is_known_once_the_server_is_asked(
    reader: Credentials, admin: Admin, major: int, database: str
) -> None:
    await prepare(admin, major)
    chosen = [case for case in cases(major) if case.is_hidden or case.is_opaque]
    async with watching(reader) as watch:
        await go_through(admin, chosen, major)
        view = await watch.look()
        answers = {
            (database, row.queryid, USER): answer
            for case in chosen
            for row in view.rows(StatementRow)
            if view.texts[row.queryid].text == case.sql
            and (answer := await filters(admin, case)) is not None
        }

    before = observe(view)
    after = observe(replace(view, probes=Probes(confirmed=answers)))

    # Of functions in SQL the parser knows more than the planner, which says no.
    inside = Counter({("notes", USER): 9})
    assert calls(before) == inside
    # The temporary view hides a table; PL/pgSQL stays shut to both.
    assert calls(after) == inside + Counter({("", USER): 3})
    assert after.quality.contradictions == 1


async def counters(watch: Watch, admin: Admin) -> HelperFunctionRow:
    """Return the function's counters once the session has sent them."""

    async def look() -> tuple[HelperFunctionRow, bool]:
        # Old servers send them after a later command, half a second on.
        await admin.execute("select")
        (row,) = await watch.court.at.rows("helper_functions", HelperFunctionRow)
        return row, bool(row.calls_total)

    return await eventually(look)


@pytest.mark.pg
async def test_time_inside_helper_functions_is_booked_to_them(
    reader: Credentials, admin: Admin, major: int
) -> None:
    await prepare(admin, major)
    calling = [case for case in cases(major) if case.sql == "table ledger"]
    await admin.execute("set track_functions = 'pl'")
    async with watching(reader) as watch:
        await watch.court.read("helper_functions")

        await go_through(admin, calling, major)
        view = await watch.look()
        function = await counters(watch, admin)

    # Five rows for each call of a role that policies bind, owners included.
    wanted = 5 * sum(case.calls for case in calling if case.tables)
    inside = observe(view).helpers
    assert function.calls_total == wanted
    assert function.exec_time_seconds_total is not None
    assert [(each.function, each.calls) for each in inside] == (
        [("public.is_member(wanted integer)", wanted)] if major >= 14 else []
    )
    assert all(0 < each.seconds < function.exec_time_seconds_total for each in inside)


@pytest.mark.pg
async def test_one_statement_under_two_roles_gives_its_tax(
    reader: Credentials, admin: Admin, major: int, database: str
) -> None:
    await prepare(admin, major)
    alike = [case for case in cases(major) if case.sql == "table notes"]
    async with watching(reader) as watch:
        await go_through(admin, alike, major)
        view = await watch.look()

    (tax,) = taxes(view)

    # Four calls of the guest are too few, and nobody called as often as the service.
    assert (tax.database, tax.role, tax.bypassing_role) == (database, USER, SERVICE)
    assert (tax.calls, tax.bypassing_calls) == (9, 30)
    assert (tax.rows_per_call, tax.bypassing_rows_per_call) == (50, 50)
    assert tax.is_comparable
    assert tax.mean_seconds > 0
    assert tax.seconds == tax.mean_seconds - tax.bypassing_mean_seconds
