"""Actions on partitions plan in their case and refuse by a named rule otherwise."""

from __future__ import annotations

from datetime import date
from types import ModuleType
from typing import Any

import pytest

from monitor.maintenance import (
    create_partition,
    detach_partition,
    drop_partition,
    move_default_rows,
    partitioning,
)
from monitor.maintenance.policy import Permission, Policy, permit
from monitor.model.action import Action, ActionMode, Refusal
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.view import View
from tests.unit.factories import (
    NOW,
    current,
    make,
    make_catalog,
    make_server,
    make_table,
    view,
)

pytestmark = pytest.mark.requirement("S-P1")

STANDBY = make_server(is_standby=True)
TABLE = make_table(oid=1, relname="events", kind="p")
OURS: dict[str, Any] = {
    "oid": 1,
    "schemaname": "public",
    "relname": "events",
    "names": ("events_2024_12", "events_2026_03"),
    "lowers": ("2024-12-01 00:00:00", "2026-03-01 00:00:00"),
    "uppers": ("2025-01-01 00:00:00", "2026-04-01 00:00:00"),
    "default_oid": 2,
    "default_tuples": 0,
    "is_platform": True,
}
DETACH = detach_partition.Options(tables=("public.events",))
DROP = drop_partition.Options(tables=("public.events",))


def seen(server: Any = None, **changes: Any) -> View:
    row = make(PartitionsRow, **(OURS | changes))
    return view(
        current(PartitionsRow, row, datname="app"),
        catalogs=[make_catalog(TABLE)],
        **({"server": server} if server else {}),
    )


def about(month: date | None, of: View | None = None) -> Finding:
    row = make(PartitionsRow, **OURS)
    return partitioning.subject(of or seen(), "app", row, "create_partition", month)


def rule(outcome: Action | Refusal) -> str:
    return outcome.rule if isinstance(outcome, Refusal) else "planned"


def months(subjects: Any) -> list[object]:
    return [subject.evidence[0].value for subject in subjects]


APRIL, OLD = date(2026, 4, 1), date(2024, 12, 1)


class TestCreatePartition:
    def test_three_months_after_this_one_have_a_partition(self) -> None:
        subjects = create_partition.subjects(seen(), (), create_partition.Options())

        assert months(subjects) == ["2026-04-01", "2026-05-01", "2026-06-01"]

    def test_a_gap_is_filled_and_tables_of_others_are_not_looked_at(self) -> None:
        options = create_partition.Options(months_ahead=0)
        late = view(
            current(PartitionsRow, make(PartitionsRow, **OURS), datname="app"),
            now=NOW.replace(month=7),
        )

        assert months(create_partition.subjects(late, (), options)) == ["2026-07-01"]
        foreign = seen(is_platform=False)
        assert list(create_partition.subjects(foreign, (), options)) == []

    def test_plans_one_call_and_its_undo(self) -> None:
        planned = create_partition.plan(
            about(APRIL), seen(), create_partition.Options()
        )

        assert isinstance(planned, Action)
        assert planned.statement.literals == ("public.events", "2026-04-01")
        assert planned.undo is not None
        assert planned.undo.template.startswith("select app_private.remove_empty")
        assert (planned.oid, planned.name) == (1, "events")

    @pytest.mark.parametrize(
        ("expected", "of", "month"),
        [
            ("standby", seen(server=STANDBY), APRIL),
            ("unknown", view(), APRIL),
            ("partman", seen(has_partman=True), APRIL),
            ("not_platform", seen(is_platform=False), APRIL),
            ("exists", seen(), date(2026, 3, 1)),
            (
                "overlap",
                seen(uppers=("2025-01-01 00:00:00", "2026-04-15 00:00:00")),
                APRIL,
            ),
            ("detached", seen(detached=("events_2026_04",)), APRIL),
            ("too_large", seen(default_tuples=1_000_001), APRIL),
        ],
    )
    def test_rules_refuse(self, expected: str, of: View, month: date) -> None:
        outcome = create_partition.plan(about(month), of, create_partition.Options())

        assert expected == rule(outcome)

    def test_a_table_that_is_gone_from_the_catalog_is_left_alone(self) -> None:
        row = make(PartitionsRow, **OURS)
        bare = view(current(PartitionsRow, row, datname="app"))

        for kind in (
            create_partition,
            move_default_rows,
            detach_partition,
            drop_partition,
        ):
            assert rule(kind.plan(about(APRIL), bare, kind.Options())) == "unknown"


class TestMoveDefaultRows:
    def finding(self, name: str = "events") -> Finding:
        return Finding(
            severity=Severity.WARNING,
            object=ObjectRef("table", "public", name),
            summary="because",
            database="app",
            check="partition_default_rows",
        )

    def test_answers_findings_about_the_platform(self) -> None:
        findings = [self.finding(), self.finding("other"), about(APRIL)]
        options = move_default_rows.Options()

        assert list(move_default_rows.subjects(seen(), findings, options)) == [
            self.finding()
        ]

    def test_moves_the_months_around_now(self) -> None:
        planned = move_default_rows.plan(
            self.finding(), seen(default_tuples=9), move_default_rows.Options()
        )

        assert isinstance(planned, Action)
        assert planned.statement.literals == (
            "public.events",
            "2024-03-01",
            "2028-04-01",
        )
        assert planned.undo is None

    @pytest.mark.parametrize(
        ("expected", "of"),
        [
            ("standby", seen(server=STANDBY)),
            ("partman", seen(has_partman=True)),
            ("not_platform", seen(is_platform=False)),
            ("empty", seen()),
            ("too_large", seen(default_tuples=1_000_001)),
        ],
    )
    def test_rules_refuse(self, expected: str, of: View) -> None:
        outcome = move_default_rows.plan(
            self.finding(), of, move_default_rows.Options()
        )

        assert expected == rule(outcome)


class TestRetention:
    def test_is_off_unless_the_table_has_one(self) -> None:
        old = seen(detached=("events_2024_11",))

        assert list(detach_partition.subjects(old, (), detach_partition.Options())) == (
            []
        )
        assert list(drop_partition.subjects(old, (), drop_partition.Options())) == []

    @pytest.mark.requirement("S5.2.1-b")
    def test_thirteen_months_are_kept_unless_told_otherwise(self) -> None:
        longer = detach_partition.Options(tables=("public.events",), months=15)

        assert detach_partition.Options().months == 13
        assert list(detach_partition.subjects(seen(), (), longer)) == []

    def test_the_oldest_month_past_it_is_detached_first(self) -> None:
        assert months(detach_partition.subjects(seen(), (), DETACH)) == ["2024-12-01"]

    def test_a_month_stays_until_its_retention_has_passed(self) -> None:
        kept = seen(names=("events_2025_02", "events_default"))

        assert list(detach_partition.subjects(kept, (), DETACH)) == []

    def test_what_was_detached_is_dropped_a_month_later(self) -> None:
        old = seen(detached=("events_2024_12", "events_2025_01", "events_old"))

        assert months(drop_partition.subjects(old, (), DROP)) == ["2024-12-01"]
        assert list(drop_partition.subjects(seen(), (), DROP)) == []

    def test_plans_the_calls(self) -> None:
        detached = detach_partition.plan(about(OLD), seen(), DETACH)
        gone = seen(names=("x",), detached=("events_2024_12",))
        dropped = drop_partition.plan(about(OLD), gone, DROP)

        assert isinstance(detached, Action)
        assert isinstance(dropped, Action)
        assert detached.undo is not None
        assert dropped.undo is None
        assert dropped.statement.literals == ("public.events", "2024-12-01")

    @pytest.mark.parametrize(
        ("expected", "kind", "of", "month", "options"),
        [
            ("standby", detach_partition, seen(server=STANDBY), OLD, DETACH),
            ("partman", detach_partition, seen(has_partman=True), OLD, DETACH),
            (
                "no_retention",
                detach_partition,
                seen(),
                OLD,
                detach_partition.Options(),
            ),
            ("retention", detach_partition, seen(), date(2026, 3, 1), DETACH),
            ("gone", detach_partition, seen(), date(2024, 11, 1), DETACH),
            ("standby", drop_partition, seen(server=STANDBY), OLD, DROP),
            ("no_retention", drop_partition, seen(), OLD, drop_partition.Options()),
            ("retention", drop_partition, seen(), date(2025, 1, 1), DROP),
            ("attached", drop_partition, seen(), OLD, DROP),
            ("gone", drop_partition, seen(), date(2024, 11, 1), DROP),
        ],
    )
    def test_rules_refuse(
        self,
        expected: str,
        kind: ModuleType,
        of: View,
        month: date,
        options: object,
    ) -> None:
        assert expected == rule(kind.plan(about(month), of, options))

    def test_the_executor_is_told_to_look_for_an_export(self) -> None:
        gone = seen(names=("x",), detached=("events_2024_12",))
        strict = drop_partition.Options(tables=("public.events",), require_export=True)
        usual = drop_partition.plan(about(OLD), gone, DROP)

        told = drop_partition.plan(about(OLD), gone, strict)

        assert isinstance(usual, Action)
        assert isinstance(told, Action)
        wanted = Evidence(partitioning.EXPORT, partitioning.REQUIRED)
        assert told.evidence == (*usual.evidence, wanted)

    def test_dropping_is_never_automatic(self) -> None:
        gone = seen(names=("x",), detached=("events_2024_12",))
        dropped = drop_partition.plan(about(OLD), gone, DROP)
        assert isinstance(dropped, Action)

        allowed = permit(dropped, Policy(mode=ActionMode.AUTO), ())

        assert allowed == Permission(ActionMode.APPROVE)
