"""What attribution costs for each statement, and how wrong a search in texts is."""

from __future__ import annotations

import time
from collections import Counter

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.catalog import Catalog
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.target import Credentials
from monitor.model.view import StatementText
from monitor.rls.attribution import Attributor
from monitor.rls.inventory import Inventory
from monitor.rls.observed import observe
from monitor.sqltext.outline import outline
from tests.benchmarks.conftest import Say
from tests.integration.rls.test_attribution import (
    by_text,
    calls,
    go_through,
    watching,
)
from tests.integration.rls.workload import CASES, cases, prepare, truth
from tests.unit.factories import make, make_table

Admin = psycopg.AsyncConnection[TupleRow]

pytestmark = pytest.mark.benchmark

TABLES = 5_000
STATEMENTS = 2_000
MOST_PER_NEW_STATEMENT = 0.0005
NAMES = ("notes", "teams", "members", "ledger", "log", "events")
LONG = (
    "select n.id, n.body, t.name, (select count(*) from members m where m.team = t.id)"
    " as people from notes n join teams t on t.id = n.id left join lateral (select"
    " e.kind from events e where e.id = n.id order by e.id desc limit $1) last on true"
    " where n.owner_name = $2 and t.name in ($3, $4, $5) and exists (select $6 from"
    " ledger l where l.id = n.id and l.amount > $7) order by n.id limit $8 offset $9"
)


def large_catalog() -> Catalog:
    """Return a catalog of which every other table is under row level security."""
    names = (*NAMES, *(f"table_{number}" for number in range(TABLES)))
    tables = [
        make_table(oid=oid, relname=name, owner="owner", has_rls=oid % 2 == 0)
        for oid, name in enumerate(names, start=1)
    ]
    return Catalog(datname="app", relations={table.oid: table for table in tables})


def texts() -> list[StatementText]:
    """Return distinct texts of every kind, with a long one among them."""
    kinds = [*(case.before or case.sql for case in CASES), LONG]
    return [
        StatementText(
            queryid=number, text=f"{kinds[number % len(kinds)]} /* {number} */"
        )
        for number in range(STATEMENTS)
    ]


def test_a_new_statement_costs_little_and_a_known_one_nothing(say: Say) -> None:
    user = make(RoleAttributesRow, rolname="user", privileges_of=("user",))
    stock = Inventory(catalog=large_catalog(), roles={"user": user})
    recorded = texts()
    outline(recorded[0].text)
    outline.cache_clear()
    began = time.process_time()
    judge = Attributor(stock, "app")
    built = time.process_time()

    for text in recorded:
        judge.verdict(text, text.queryid, "user", {})
    after_new = time.process_time()
    for text in recorded:
        judge.verdict(text, text.queryid, "user", {})
    after_known = time.process_time()

    new = (after_new - built) / STATEMENTS
    known = (after_known - after_new) / STATEMENTS
    say(f"names of {TABLES:,} tables {1000 * (built - began):.1f} ms, once a catalog")
    say(f"new statement {1e6 * new:.0f} us, known {1e6 * known:.2f} us")
    assert new <= MOST_PER_NEW_STATEMENT


async def test_how_wrong_a_search_for_names_is(
    reader: Credentials, admin: Admin, major: int, database: str, say: Say
) -> None:
    await prepare(admin, major)
    chosen = [case for case in cases(major) if not case.is_hidden]
    wanted: Counter[str] = Counter()
    for (table, _), number in truth(chosen).items():
        wanted[table] += number

    async with watching(reader) as watch:
        await go_through(admin, chosen, major)
        view = await watch.look()

    ours: Counter[str] = Counter()
    for (table, _), number in calls(observe(view)).items():
        ours[table] += number
    naive = by_text(view, wanted, database)
    say(f"{'calls under policies':24}{'truth':>8}{'ours':>8}{'text match':>12}")
    for table, number in sorted(wanted.items()):
        say(f"{table:24}{number:8}{ours[table]:8}{naive[table]:12}")
    assert ours == wanted
