"""Missing indexes: what is compared, on tables that are scanned."""

import pytest

from monitor.advisor.missing_index import Thresholds, check
from monitor.model.catalog import Catalog, ForeignKey, Policy
from monitor.model.finding import Finding, Severity
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import StatementText
from tests.unit.factories import (
    Part,
    current,
    lately,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)

COLUMNS = ("id", "customer_id", "state", "placed_at")
TABLE = make_table(columns=COLUMNS, has_rls=True, reltuples=5000.0)
HOT = lately(
    TableRow,
    make(TableRow, oid=1, seq_scan_total=10, seq_tup_read_total=50_000),
    datname="app",
)
KEY = make(ForeignKey, oid=9, name="fk", relid=1, columns=("customer_id",))


def policy(using: str | None, **changes: object) -> Policy:
    known = {"oid": 8, "name": "own", "relid": 1, "using": using}
    return make(Policy, **(known | changes))


def findings(
    *texts: str,
    catalog: Catalog | None = None,
    scans: Part = HOT,
    truncated: bool = False,
    dbid: int = 16384,
) -> list[Finding]:
    statements = [
        make(StatementRow, queryid=number, dbid=dbid, calls_total=100 - number)
        for number, _ in enumerate(texts)
    ]
    seen = view(
        current(TableRow, make(TableRow, oid=1, n_live_tup=4000), datname="app"),
        current(StatementRow, *statements),
        scans,
        catalogs=[catalog or make_catalog(TABLE)],
        databases={16384: "app"},
        texts={
            number: StatementText(queryid=number, text=text, truncated=truncated)
            for number, text in enumerate(texts)
        },
    )
    return list(check(seen, Thresholds()))


def names(found: list[Finding]) -> list[str]:
    return [each.object.name for each in found]


@pytest.mark.requirement("S8.2.1-a")
def test_columns_compared_together_become_one_index() -> None:
    (finding,) = findings(
        "select * from orders where customer_id = $1 and state = $2",
        "select * from public.orders where state = $1",
    )

    assert finding.remedy is not None
    assert finding.remedy.sql == (
        "create index concurrently orders_state_customer_id_idx on public.orders "
        "(state, customer_id);"
    )
    assert ("potential improvement", "not costed") in [
        (each.name, each.value) for each in finding.evidence
    ]
    assert (finding.severity, finding.confidence) == (Severity.INFO, "medium")


@pytest.mark.requirement("S8.2.1-a")
def test_an_index_that_leads_with_one_of_the_columns_is_enough() -> None:
    catalog = make_catalog(TABLE, indexes=[make_index()])

    found = findings(
        "select * from orders where customer_id = $1 and state = $2", catalog=catalog
    )

    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "select * from orders where placed_at > $1",
        "select * from other where state = $1",
        "select * from orders where lower(state) = $1",
        "selec * from orders where state = $1",
        "",
    ],
)
def test_what_an_equality_index_would_not_serve_gives_nothing(text: str) -> None:
    assert not findings(text)


def test_truncated_texts_are_not_read_and_counted_as_unknown() -> None:
    text = "select * from orders where state = $1"
    policies = [policy("(customer_id = auth.uid())")]

    (finding,) = findings(
        text, truncated=True, catalog=make_catalog(TABLE, policies=policies)
    )

    assert names([finding]) == ["orders(customer_id)"]
    assert any("1 statement without" in each for each in finding.unknowns)


def test_statements_of_another_database_do_not_count() -> None:
    assert not findings("select * from orders where state = $1", dbid=5)


@pytest.mark.parametrize(
    ("scans", "read"), [(3, 50_000), (10, 300)], ids=["few scans", "few rows"]
)
def test_a_table_that_is_seldom_scanned_is_left_alone(scans: int, read: int) -> None:
    row = make(TableRow, oid=1, seq_scan_total=scans, seq_tup_read_total=read)

    found = findings(
        "select * from orders where state = $1",
        scans=lately(TableRow, row, datname="app"),
    )

    assert not found


def test_a_small_table_is_left_alone() -> None:
    small = make_catalog(make_table(oid=2, columns=COLUMNS, reltuples=999.0))

    assert not findings("select * from orders where state = $1", catalog=small)


def test_what_is_no_table_is_never_hot() -> None:
    toast = make_table(kind="t", columns=COLUMNS, reltuples=5000.0)

    assert not findings(
        "select * from orders where state = $1", catalog=make_catalog(toast)
    )


def test_a_statement_that_names_the_table_as_something_else_gives_nothing() -> None:
    assert not findings("select orders from other where state = $1")


def test_without_a_recent_delta_nothing_is_called_hot() -> None:
    unread = current(StatementRow)

    assert not findings("select * from orders where state = $1", scans=unread)


def test_branches_of_an_or_need_an_index_each() -> None:
    found = findings("select * from orders where state = $1 or customer_id = $2")

    assert names(found) == ["orders(customer_id)", "orders(state)"]


def test_a_join_column_counts_with_low_confidence() -> None:
    (finding,) = findings(
        "select 1 from orders o join customers c on c.id = o.customer_id"
    )

    assert finding.object.name == "orders(customer_id)"
    assert finding.confidence == "low"


def test_a_table_beside_it_that_is_not_scanned_gets_nothing() -> None:
    beside = make_table(oid=2, relname="customers", columns=("id", "country"))
    catalog = make_catalog(TABLE, beside)
    text = "select 1 from orders o, customers c where o.state = $1 and c.country = $2"

    assert names(findings(text, catalog=catalog)) == ["orders(state)"]


def test_a_join_beside_an_equality_does_not_count() -> None:
    found = findings(
        "select 1 from orders o join customers c on c.id = o.customer_id "
        "where o.state = $1"
    )

    assert names(found) == ["orders(state)"]


def test_a_policys_column_is_a_warning_and_named() -> None:
    catalog = make_catalog(TABLE, policies=[policy("(customer_id = auth.uid())")])

    (finding,) = findings(catalog=catalog)

    assert finding.severity is Severity.WARNING
    assert 'policy "own"' in finding.summary


def test_a_large_tables_policy_needs_no_scans() -> None:
    large = make_table(columns=COLUMNS, has_rls=True, reltuples=10_000.0)
    catalog = make_catalog(large, policies=[policy("(customer_id = auth.uid())")])

    (finding,) = findings(catalog=catalog, scans=lately(TableRow, datname="app"))

    assert "sequential scans a day" not in [each.name for each in finding.evidence]


@pytest.mark.parametrize(
    ("table", "each"),
    [
        (TABLE, policy(None)),
        (TABLE, policy("true")),
        (TABLE, policy("(gone = 1)")),
        (TABLE, policy("(state = 'x')", relid=77)),
        (make_table(columns=COLUMNS, reltuples=5000.0), policy("(state = 'x')")),
        (make_table(columns=COLUMNS, has_rls=True), policy("(state = 'x')")),
    ],
    ids=["hidden", "constant", "column gone", "unknown table", "no RLS", "not hot"],
)
def test_policies_without_need_for_an_index(table: object, each: Policy) -> None:
    assert isinstance(table, type(TABLE))
    scans = HOT if table.reltuples else lately(TableRow, datname="app")

    assert not findings(catalog=make_catalog(table, policies=[each]), scans=scans)


def test_a_foreign_key_alone_is_left_to_its_own_advice() -> None:
    assert not findings(catalog=make_catalog(TABLE, foreign_keys=[KEY]))


def test_a_foreign_key_shares_the_index_of_a_statement() -> None:
    catalog = make_catalog(TABLE, foreign_keys=[KEY])

    (finding,) = findings(
        "select 1 from orders where customer_id=$1 and state=$2", catalog=catalog
    )

    assert finding.object.name == "orders(customer_id, state)"
    assert "and 1 other" in finding.summary


def test_partitions_count_towards_their_root() -> None:
    root = make_table(oid=1, kind="p", columns=COLUMNS)
    part = make_table(
        oid=2, relname="orders_1", parent=1, columns=COLUMNS, reltuples=5000.0
    )
    orphan = make_table(oid=3, relname="orphan", parent=99, columns=COLUMNS)
    row = make(TableRow, oid=2, seq_scan_total=10, seq_tup_read_total=50_000)

    (finding,) = findings(
        "select * from orders_1 where state = $1",
        catalog=make_catalog(root, part, orphan),
        scans=lately(TableRow, row, datname="app"),
    )

    assert finding.object.name == "orders(state)"
