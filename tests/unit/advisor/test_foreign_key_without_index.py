"""Foreign keys without an index, and what makes that matter."""

from collections.abc import Iterable

import pytest

from monitor.advisor.foreign_key_without_index import Thresholds, check
from monitor.model.catalog import ForeignKey, Index
from monitor.model.finding import Finding, Severity
from monitor.model.rows.stat_user_tables import TableRow
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)

KEY = make(
    ForeignKey,
    oid=9,
    name="orders_customer_fkey",
    relid=1,
    columns=("customer_id",),
    referenced_relid=5,
)


def findings(
    *, rows: int = 200_000, deletes: int | None = 3, indexes: Iterable[Index] = ()
) -> list[Finding]:
    statistics = [make(TableRow, oid=1, n_live_tup=rows)]
    if deletes is not None:
        statistics.append(make(TableRow, oid=5, n_tup_del_total=deletes))
    catalog = make_catalog(
        make_table(oid=1),
        make_table(oid=5, relname="customers"),
        indexes=indexes,
        foreign_keys=[KEY],
    )
    seen = view(current(TableRow, *statistics, datname="app"), catalogs=[catalog])
    return list(check(seen, Thresholds()))


@pytest.mark.requirement("S8.2.1-a")
def test_a_large_table_with_deletes_on_the_other_side_is_a_warning() -> None:
    (finding,) = findings()

    assert (finding.severity, finding.confidence) == (Severity.WARNING, "high")
    assert finding.remedy is not None
    assert finding.remedy.sql == (
        "create index concurrently orders_customer_id_idx on public.orders "
        "(customer_id);"
    )


def test_without_deletes_or_updates_nobody_pays_yet() -> None:
    (finding,) = findings(deletes=0)

    assert (finding.severity, finding.confidence) == (Severity.INFO, "low")
    assert "nothing was deleted" in finding.summary


def test_unread_statistics_of_the_other_side_are_said_so() -> None:
    (finding,) = findings(deletes=None)

    assert finding.severity is Severity.INFO
    assert "not known" in [each.value for each in finding.evidence]


def test_a_smaller_table_is_context() -> None:
    (finding,) = findings(rows=5000)

    assert finding.severity is Severity.INFO


def test_a_small_table_is_left_alone() -> None:
    assert not findings(rows=999)


def test_an_index_that_starts_with_the_columns_serves() -> None:
    assert not findings(indexes=[make_index()])


def test_an_index_that_does_not_start_with_them_does_not() -> None:
    other = make_index(columns=("id", "customer_id"), key_columns=2)

    assert findings(indexes=[other])


def test_a_foreign_key_to_an_unknown_table_is_still_reported() -> None:
    catalog = make_catalog(make_table(oid=1), foreign_keys=[KEY])
    statistics = current(
        TableRow, make(TableRow, oid=1, n_live_tup=9999), datname="app"
    )

    (finding,) = check(view(statistics, catalogs=[catalog]), Thresholds())

    assert finding.confidence == "low"


def test_a_partitions_copy_of_the_key_is_not_reported_again() -> None:
    root = make_table(oid=1, kind="p")
    part = make_table(oid=2, relname="orders_2026", parent=1, reltuples=50_000.0)
    copied = make(ForeignKey, oid=10, name="copy", relid=2, columns=("customer_id",))
    catalog = make_catalog(root, part, foreign_keys=[KEY, copied])

    (finding,) = check(view(catalogs=[catalog]), Thresholds())

    assert finding.object.name == "orders.orders_customer_fkey"
    assert finding.remedy is not None
    assert "on only public.orders" in finding.remedy.sql
