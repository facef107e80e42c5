from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from monitor.errors import MigrationError
from monitor.model import migration, migration_plan
from monitor.model.migration import Applied, Kind, Migration, MigrationSet

LINE = MigrationSet(name="monitoring", schema="monitoring")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def made(version: str, **changes: str | None) -> Migration:
    base = Migration(
        version=version,
        name=f"step_{version}",
        sql=f"create table a.t{version} ();",
        down_sql=f"drop table a.t{version};",
    )
    return replace(base, **changes)


def recorded(m: Migration, *, duration_ms: int | None = 1) -> Applied:
    return Applied(
        version=m.version,
        name=m.name,
        applied_at=AT,
        rollback_sql=m.down_sql,
        checksum=m.checksum,
        applied_by="dba",
        duration_ms=duration_ms,
        kind="transactional",
        server_version=180000,
    )


ONE, TWO, THREE = made("001"), made("002"), made("003")


@pytest.mark.requirement("S7.1.2-c")
@pytest.mark.parametrize("file", ["1_a.sql", "0001_a.sql", "001-a.sql", "001_A.sql"])
def test_other_names_than_three_digits_are_refused(file: str) -> None:
    with pytest.raises(MigrationError, match=file):
        migration.read("monitoring", {file: ""})


@pytest.mark.requirement("S7.1.2-c")
def test_files_are_read_in_the_order_of_their_versions() -> None:
    files = {"010_b.sql": "b", "009_a.sql": "a", "009_a.down.sql": "-a"}

    found = migration.read("x", files)

    assert [m.version for m in found] == ["009", "010"]
    assert [m.down_sql for m in found] == ["-a", None]


def test_a_down_file_without_its_partner_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"001_b\.down\.sql"):
        migration.read("x", {"001_a.sql": "", "001_b.down.sql": ""})


def test_a_version_used_twice_is_refused() -> None:
    with pytest.raises(MigrationError, match="twice"):
        migration.read("x", {"001_a.sql": "", "001_b.sql": ""})


def test_a_file_with_its_own_transaction_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"001_a\.sql"):
        migration.read("x", {"001_a.sql": "begin; select 1; commit;"})


def test_pending_files_are_planned_in_order() -> None:
    plan = migration_plan.plan(LINE, [ONE, TWO, THREE], [recorded(ONE)])

    assert plan.steps == (TWO, THREE)


def test_a_plan_stops_at_the_version_asked_for() -> None:
    plan = migration_plan.plan(LINE, [ONE, TWO, THREE], [], to="002")

    assert plan.pending == (ONE, TWO)


def test_an_unknown_version_cannot_be_reached() -> None:
    with pytest.raises(MigrationError, match="009"):
        migration_plan.plan(LINE, [ONE], [], to="009")


@pytest.mark.requirement("S7.1.2-b")
def test_a_changed_file_is_an_error_that_names_it() -> None:
    changed = replace(ONE, sql="create table a.other ();")

    with pytest.raises(MigrationError, match=r"001_step_001\.sql.*changed"):
        migration_plan.plan(LINE, [changed], [recorded(ONE)])


def test_a_file_that_differs_in_line_ends_only_is_not_changed() -> None:
    windows = replace(ONE, sql=ONE.sql + "  \r\n")

    assert migration_plan.plan(LINE, [windows], [recorded(ONE)]).steps == ()


@pytest.mark.requirement("S7.1.2-b")
def test_a_gap_between_files_is_an_error() -> None:
    with pytest.raises(MigrationError, match='version "002"'):
        migration_plan.plan(LINE, [ONE, THREE], [])


def test_a_retired_version_is_no_gap() -> None:
    line = replace(LINE, retired=frozenset({"002"}))

    assert migration_plan.plan(line, [ONE, THREE], []).pending == (ONE, THREE)


@pytest.mark.requirement("S7.1.2-b")
def test_a_file_older_than_what_is_applied_is_an_error() -> None:
    with pytest.raises(MigrationError, match="002_step_002"):
        migration_plan.plan(LINE, [ONE, TWO, THREE], [recorded(ONE), recorded(THREE)])


def test_an_applied_version_without_a_file_is_an_error() -> None:
    with pytest.raises(MigrationError, match="002_step_002"):
        migration_plan.plan(LINE, [ONE], [recorded(ONE), recorded(TWO)])


def test_an_interrupted_file_is_repaired_first_even_when_it_was_mended() -> None:
    mended = replace(TWO, sql="create table a.mended ();")

    plan = migration_plan.plan(
        LINE, [ONE, mended, THREE], [recorded(ONE), recorded(TWO, duration_ms=None)]
    )

    assert (mended, THREE) == plan.steps


def by_sql(version: str, *, at: datetime = AT) -> Applied:
    return replace(recorded(ONE), version=version, name="by sql", applied_at=at)


@pytest.mark.requirement("S7.1.2-b")
def test_what_was_applied_by_sql_needs_no_file() -> None:
    records = [recorded(ONE), by_sql("20260102030405")]

    plan = migration_plan.plan(LINE, [ONE, TWO], records)
    status = migration_plan.status([ONE], records)

    assert plan.steps == (TWO,)
    assert [(s.version, s.condition, s.note) for s in status] == [
        ("001", "applied", ""),
        ("20260102030405", "applied", "applied by SQL, has no file"),
    ]


@pytest.mark.requirement("S7.2.2-a")
def test_what_sql_changed_later_is_taken_back_first() -> None:
    records = [recorded(ONE), by_sql("20260102030405", at=AT + timedelta(days=1))]

    with pytest.raises(MigrationError, match="20260102030405 was applied later"):
        migration_plan.plan_down([ONE], records)


def test_what_sql_changed_earlier_stays() -> None:
    records = [recorded(ONE), by_sql("20251231000000", at=AT - timedelta(days=1))]

    chosen = migration_plan.plan_down([ONE], records)

    assert chosen == (ONE,)


def test_status_names_every_condition() -> None:
    found = migration_plan.status(
        [ONE, replace(TWO, sql="other"), made("004"), made("005")],
        [
            recorded(ONE),
            recorded(TWO),
            recorded(THREE),
            recorded(made("004"), duration_ms=None),
        ],
    )

    assert [s.condition for s in found] == [
        "applied",
        "changed",
        "missing",
        "dirty",
        "pending",
    ]


@pytest.mark.requirement("S7.2.2-a")
def test_only_the_last_version_is_taken_back() -> None:
    rows = [recorded(ONE), recorded(TWO)]

    assert migration_plan.plan_down([ONE, TWO], rows) == (TWO,)


def test_down_to_a_version_takes_back_all_after_it_newest_first() -> None:
    rows = [recorded(ONE), recorded(TWO), recorded(THREE)]

    assert migration_plan.plan_down([ONE, TWO, THREE], rows, to="001") == (THREE, TWO)


def test_down_to_nothing_takes_back_everything() -> None:
    rows = [recorded(ONE), recorded(TWO)]

    assert migration_plan.plan_down([ONE, TWO], rows, to=migration_plan.NOTHING) == (
        TWO,
        ONE,
    )


def test_down_to_a_version_that_is_not_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match='"002" is not applied'):
        migration_plan.plan_down([ONE, TWO], [recorded(ONE)], to="002")


def test_down_with_nothing_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match="no migration is applied"):
        migration_plan.plan_down([ONE], [])


@pytest.mark.requirement("S7.2.2-b")
def test_a_missing_way_back_is_said() -> None:
    one_way = replace(ONE, down_sql=None)

    with pytest.raises(MigrationError, match="no rollback script available"):
        migration_plan.plan_down([one_way], [recorded(one_way)])


def test_a_changed_down_file_is_refused() -> None:
    changed = replace(ONE, down_sql="drop schema a;")

    with pytest.raises(MigrationError, match=r"001_step_001\.down\.sql"):
        migration_plan.plan_down([changed], [recorded(ONE)])


@pytest.mark.requirement("S7.2.2-a")
def test_cascade_in_a_down_file_is_refused_unless_allowed() -> None:
    wide = replace(ONE, down_sql="drop table a.t001 cascade;")

    with pytest.raises(MigrationError, match="CASCADE"):
        migration_plan.plan_down([wide], [recorded(wide)])

    assert (wide,) == migration_plan.plan_down(
        [wide], [recorded(wide)], allow_cascade=True
    )


@pytest.mark.requirement("S7.2.1-a")
def test_a_template_is_a_readable_pair() -> None:
    pair = migration.template("004", "add_things", date(2026, 1, 2))

    assert "-- Migration: 004_add_things\n-- Date: 2026-01-02" in pair.sql
    assert (pair,) == migration.read(
        "x", {pair.file: pair.sql, pair.down_file: pair.down_sql or ""}
    )


def test_a_directive_makes_a_file_run_outside_a_transaction() -> None:
    outside = replace(ONE, sql="-- no-transaction\nvacuum a.t;")
    mentioned = replace(ONE, sql="-- this is no-transaction text\nselect 1;")

    assert not outside.is_transactional
    assert mentioned.is_transactional


OPTIONAL = made(
    "000", sql="-- optional\ncreate schema auth;", down_sql="drop schema a;"
)


def test_what_was_adopted_is_never_taken_back() -> None:
    adopted = replace(recorded(OPTIONAL), kind="baseline")

    chosen = migration_plan.plan_down([OPTIONAL, ONE], [adopted], to="none")

    assert [(m.version, m.down_sql) for m in chosen] == [("000", "")]


@pytest.mark.parametrize(
    ("file", "kind"), [(OPTIONAL, "transactional"), (ONE, "baseline")]
)
def test_what_was_made_or_cannot_be_adopted_is_taken_back(
    file: Migration, kind: Kind
) -> None:
    row = replace(recorded(file), kind=kind)

    assert migration_plan.plan_down([file], [row]) == (file,)
