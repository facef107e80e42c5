"""Each kind of action plans in its case and refuses by a named rule otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.maintenance import (
    analyze,
    create_index,
    drop_index,
    drop_invalid_index,
    vacuum,
)
from monitor.model.action import Action, Refusal
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.view import View
from monitor.model.window import UsageWindow
from tests.unit.factories import (
    NOW,
    Part,
    current,
    make,
    make_catalog,
    make_index,
    make_server,
    make_table,
    view,
)

TABLE = make_table(columns=("id", "customer_id"))
OTHER = make_catalog(make_table(relname="other"))
STANDBY = make_server(is_standby=True)


def finding(check: str, name: str, **changes: Any) -> Finding:
    known: dict[str, Any] = {
        "severity": Severity.INFO,
        "object": ObjectRef("table", "public", name),
        "summary": "because",
        "database": "app",
        "check": check,
    }
    return Finding(**(known | changes))


def rule(outcome: Action | Refusal) -> str:
    return outcome.rule if isinstance(outcome, Refusal) else "planned"


def statistics(**changes: object) -> Part:
    return current(TableRow, make(TableRow, oid=1, **changes), datname="app")


def busy(*parts: Part, **changes: Any) -> View:
    known: dict[str, Any] = {"catalogs": [make_catalog(TABLE)]}
    return view(*parts, **(known | changes))


CHANGED = statistics(n_live_tup=20_000, n_mod_since_analyze=5000)
DEAD = statistics(n_live_tup=8000, n_dead_tup=12_000)
WORKER = make(AutovacuumRow, datname="app", relid=1, pid=42)


class TestAnalyze:
    def plan(self, seen: View) -> Action | Refusal:
        return analyze.plan(finding("analyze", "orders"), seen, analyze.Options())

    @pytest.mark.requirement("S8.2.2-a")
    def test_a_changed_table_is_analyzed(self) -> None:
        planned = self.plan(busy(CHANGED))

        assert isinstance(planned, Action)
        assert planned.statement.template == "analyze (skip_locked) {}"
        assert planned.statement.identifiers == (("public", "orders"),)
        assert (planned.oid, planned.undo) == (1, None)

    @pytest.mark.requirement("S8.2.2-a")
    @pytest.mark.parametrize(
        ("expected", "seen"),
        [
            ("unknown", view()),
            ("unknown", busy()),
            ("unknown", busy(CHANGED, catalogs=[OTHER])),
            ("not_due", busy(statistics(n_live_tup=10, n_mod_since_analyze=1000))),
            ("not_due", busy(statistics(n_live_tup=10**6, n_mod_since_analyze=9999))),
            ("standby", busy(CHANGED, server=STANDBY)),
            ("autovacuum", busy(CHANGED, current(AutovacuumRow, WORKER))),
        ],
    )
    def test_rules_refuse(self, expected: str, seen: View) -> None:
        assert expected == rule(self.plan(seen))

    def test_autovacuum_elsewhere_does_not_matter(self) -> None:
        elsewhere = replace(WORKER, relid=2)

        assert rule(self.plan(busy(CHANGED, current(AutovacuumRow, elsewhere)))) == (
            "planned"
        )

    def test_subjects_are_the_tables_due_neediest_first(self) -> None:
        rows = [
            make(TableRow, oid=1, n_mod_since_analyze=2000),
            make(TableRow, oid=2, n_mod_since_analyze=9000),
            make(TableRow, oid=3, n_mod_since_analyze=9),
            make(TableRow, oid=4, n_mod_since_analyze=9000),
            make(TableRow, oid=5, n_mod_since_analyze=9000),
        ]
        toast = make_table(oid=4, relname="toast", kind="t")
        catalog = make_catalog(
            TABLE, make_table(oid=2, relname="b"), make_table(oid=3, relname="c"), toast
        )
        seen = view(current(TableRow, *rows, datname="app"), catalogs=[catalog])

        found = list(analyze.subjects(seen, (), analyze.Options()))

        assert [each.object.name for each in found] == ["b", "orders"]
        assert found[0].database == "app"


def holder(**changes: object) -> Part:
    known: dict[str, object] = {"cause": "transaction", "holder": "pid 7"}
    return current(HorizonRow, make(HorizonRow, **(known | changes)))


class TestVacuum:
    def plan(self, seen: View) -> Action | Refusal:
        return vacuum.plan(finding("vacuum", "orders"), seen, vacuum.Options())

    @pytest.mark.requirement("S8.2.2-a")
    def test_a_table_with_many_dead_tuples_is_vacuumed_without_truncation(self) -> None:
        planned = self.plan(busy(DEAD))

        assert isinstance(planned, Action)
        assert planned.statement.template == "vacuum (skip_locked, truncate off) {}"

    @pytest.mark.requirement("S8.2.2-a")
    @pytest.mark.parametrize(
        ("expected", "seen"),
        [
            ("unknown", view()),
            ("not_due", busy(statistics(n_live_tup=10, n_dead_tup=5000))),
            ("not_due", busy(statistics(n_live_tup=90_000, n_dead_tup=10_000))),
            ("standby", busy(DEAD, server=STANDBY)),
            ("autovacuum", busy(DEAD, current(AutovacuumRow, WORKER))),
            ("horizon", busy(DEAD, holder(datname="app", age_seconds=61.0))),
            ("horizon", busy(DEAD, holder(cause="slot", xmin_age=1_000_001))),
        ],
    )
    def test_rules_refuse(self, expected: str, seen: View) -> None:
        assert expected == rule(self.plan(seen))

    @pytest.mark.parametrize(
        "part",
        [
            holder(datname="app", age_seconds=59.0),
            holder(datname="other", age_seconds=999.0),
            holder(cause="slot", xmin_age=10),
        ],
    )
    def test_who_does_not_hold_the_horizon_of_this_database_is_no_reason(
        self, part: Part
    ) -> None:
        assert rule(self.plan(busy(DEAD, part))) == "planned"

    @pytest.mark.requirement("S8.2.2-a")
    def test_the_refusal_says_who_holds_the_horizon(self) -> None:
        refused = self.plan(busy(DEAD, holder(datname="app", age_seconds=120.0)))

        assert isinstance(refused, Refusal)
        assert 'transaction "pid 7"' in refused.reason

    def test_subjects_are_the_tables_due(self) -> None:
        (found,) = vacuum.subjects(busy(DEAD), (), vacuum.Options())

        assert found.check == "vacuum"


def watched(
    catalog: Catalog,
    *,
    since: datetime = datetime(2026, 1, 20, tzinfo=UTC),
    until: datetime = NOW,
    **changes: Any,
) -> View:
    window = make(UsageWindow, since=since, until=until)
    return view(
        current(TableRow, make(TableRow, oid=1, seq_scan_total=1), datname="app"),
        current(IndexRow, make(IndexRow, oid=2), datname="app"),
        current(ReplicationRow),
        catalogs=[catalog],
        windows={("app", 2): window},
        **changes,
    )


PLAIN = make_catalog(TABLE, indexes=[make_index()])


def about_index(check: str, **changes: Any) -> Finding:
    ref = ObjectRef("index", "public", "orders_idx")
    return finding(check, "", object=ref, **changes)


class TestDropIndex:
    def plan(self, seen: View, check: str = "unused_index") -> Action | Refusal:
        return drop_index.plan(about_index(check), seen, drop_index.Options())

    def covered(self, *others: Any, oid: int = 3) -> Action | Refusal:
        evidence = (Evidence("covering index oid", oid),)
        catalog = make_catalog(TABLE, indexes=[make_index(), *others])
        return drop_index.plan(
            about_index("duplicate_index", evidence=evidence),
            view(catalogs=[catalog]),
            drop_index.Options(),
        )

    @pytest.mark.promise(3)
    def test_an_index_unused_over_a_month_end_is_dropped_with_its_undo(self) -> None:
        planned = self.plan(watched(PLAIN))

        assert isinstance(planned, Action)
        assert planned.statement.identifiers == (("public", "orders_idx"),)
        assert planned.undo is not None
        assert planned.undo.stored.startswith("CREATE INDEX CONCURRENTLY orders_idx ")

    @pytest.mark.promise(3)
    @pytest.mark.parametrize(
        ("expected", "seen"),
        [
            ("standby", watched(PLAIN, server=STANDBY)),
            ("unknown", watched(make_catalog(TABLE))),
            ("unknown", view()),
            ("window", watched(PLAIN, since=NOW - timedelta(days=29))),
            (
                "month_end",
                watched(
                    PLAIN,
                    since=datetime(2026, 1, 1, tzinfo=UTC),
                    until=datetime(2026, 1, 31, 23, tzinfo=UTC),
                ),
            ),
            (
                "definition",
                watched(make_catalog(TABLE, indexes=[make_index(definition="")])),
            ),
            (
                "keep",
                watched(
                    make_catalog(TABLE, indexes=[make_index(comment="pgvigil:keep")])
                ),
            ),
        ],
    )
    def test_rules_refuse(self, expected: str, seen: View) -> None:
        assert expected == rule(self.plan(seen))

    def test_a_duplicate_needs_no_window(self) -> None:
        assert rule(self.covered(make_index(oid=3, indexrelname="twin"))) == "planned"

    @pytest.mark.promise(3)
    @pytest.mark.parametrize(
        "others",
        [
            (),
            (make_index(oid=3, indexrelname="twin", is_valid=False),),
            (make_index(oid=3, indexrelname="twin", is_ready=False),),
            (make_index(oid=3, indexrelname="twin", relid=9),),
        ],
    )
    def test_a_duplicate_stays_if_the_other_cannot_take_over(self, others: Any) -> None:
        assert rule(self.covered(*others)) == "covering"

    @pytest.mark.promise(3)
    def test_an_index_does_not_take_over_from_itself(self) -> None:
        assert rule(self.covered(oid=2)) == "covering"

    def test_a_protected_duplicate_stays(self) -> None:
        catalog = make_catalog(
            TABLE,
            indexes=[
                make_index(constraint="key"),
                make_index(oid=3, indexrelname="twin"),
            ],
        )
        evidence = (Evidence("covering index oid", 3),)
        outcome = drop_index.plan(
            about_index("duplicate_index", evidence=evidence),
            view(catalogs=[catalog]),
            drop_index.Options(),
        )

        assert rule(outcome) == "constraint"

    def test_subjects_are_what_the_advisors_found(self) -> None:
        findings = [about_index("unused_index"), about_index("invalid_index")]

        found = list(drop_index.subjects(view(), findings, drop_index.Options()))

        assert found == findings[:1]


class TestDropInvalidIndex:
    def plan(self, seen: View) -> Action | Refusal:
        options = drop_invalid_index.Options()
        return drop_invalid_index.plan(about_index("invalid_index"), seen, options)

    def seen(self, **changes: Any) -> View:
        index = make_index(**({"is_valid": False} | changes))
        return view(catalogs=[make_catalog(TABLE, indexes=[index])])

    def test_an_invalid_index_is_dropped(self) -> None:
        assert rule(self.plan(self.seen())) == "planned"

    def test_an_invalid_unique_index_that_was_never_ready_enforces_nothing(
        self,
    ) -> None:
        assert rule(self.plan(self.seen(is_unique=True, is_ready=False))) == "planned"

    @pytest.mark.parametrize(
        ("expected", "changes"),
        [
            ("valid", {"is_valid": True}),
            ("constraint", {"constraint": "key"}),
            ("replica_identity", {"is_replica_identity": True}),
            ("keep", {"comment": "pgvigil:keep"}),
            ("unique", {"is_unique": True, "is_ready": True}),
            ("definition", {"definition": ""}),
        ],
    )
    def test_rules_refuse(self, expected: str, changes: dict[str, Any]) -> None:
        assert expected == rule(self.plan(self.seen(**changes)))

    def test_an_index_that_is_gone_or_on_a_standby_is_left_alone(self) -> None:
        seen = self.seen()

        assert rule(self.plan(view())) == "unknown"
        assert rule(self.plan(replace(seen, server=STANDBY))) == "standby"

    def test_subjects_are_the_invalid_indexes(self) -> None:
        findings = [about_index("unused_index"), about_index("invalid_index")]
        options = drop_invalid_index.Options()

        found = list(drop_invalid_index.subjects(view(), findings, options))

        assert found == findings[1:]


def wanted(*columns: str, name: str = "new_idx", oid: int = 1, **more: Any) -> Finding:
    evidence = (
        Evidence("table oid", oid),
        Evidence("index name", name),
        *(Evidence("column", column) for column in columns),
    )
    return finding("missing_index", "orders(…)", evidence=evidence, **more)


class TestCreateIndex:
    def plan(
        self, asked: Finding, catalog: Catalog | None = None, **changes: Any
    ) -> Action | Refusal:
        known = catalog or make_catalog(TABLE)
        seen = view(catalogs=[known], **changes)
        return create_index.plan(asked, seen, create_index.Options())

    def test_an_index_is_created_under_the_name_and_columns_advised(self) -> None:
        planned = self.plan(wanted("customer_id", "id"))

        assert isinstance(planned, Action)
        assert (
            planned.statement.template == "create index concurrently {} on {} ({}, {})"
        )
        assert planned.statement.identifiers == (
            ("new_idx",),
            ("public", "orders"),
            ("customer_id",),
            ("id",),
        )
        assert planned.undo is not None
        assert planned.undo.identifiers == (("public", "new_idx"),)
        assert (planned.oid, planned.name) == (1, "new_idx")

    @pytest.mark.parametrize(
        ("expected", "asked", "changes"),
        [
            ("unknown", wanted("id", oid=9), {}),
            ("standby", wanted("id"), {"server": STANDBY}),
            ("server_bug", wanted("id"), {"server": make_server(version_num=140003)}),
            ("confidence", wanted("id", confidence="low"), {}),
            ("columns", wanted("gone"), {}),
            ("columns", wanted(), {}),
            ("name", wanted("id", name="orders"), {}),
            ("name", wanted("id", name=""), {}),
        ],
    )
    def test_rules_refuse(
        self, expected: str, asked: Finding, changes: dict[str, Any]
    ) -> None:
        assert expected == rule(self.plan(asked, **changes))

    @pytest.mark.parametrize(
        ("expected", "catalog"),
        [
            ("partitioned", make_catalog(replace(TABLE, kind="p"))),
            ("too_large", make_catalog(replace(TABLE, reltuples=2e8))),
            (
                "name",
                make_catalog(
                    TABLE, indexes=[make_index(oid=2, indexrelname="new_idx")]
                ),
            ),
            ("served", make_catalog(TABLE, indexes=[make_index()])),
        ],
    )
    def test_rules_about_the_table_refuse(
        self, expected: str, catalog: Catalog
    ) -> None:
        assert expected == rule(self.plan(wanted("customer_id"), catalog))

    def test_a_fixed_server_builds(self) -> None:
        fixed = make_server(version_num=140004)

        assert rule(self.plan(wanted("id"), server=fixed)) == "planned"

    def test_without_a_catalog_nothing_is_planned(self) -> None:
        outcome = create_index.plan(wanted("id"), view(), create_index.Options())

        assert rule(outcome) == "unknown"

    def test_subjects_are_what_the_advisors_found(self) -> None:
        findings = [wanted("id"), about_index("invalid_index")]
        options = create_index.Options()

        assert list(create_index.subjects(view(), findings, options)) == findings[:1]
