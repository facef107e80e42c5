"""How results look: findings, tables, scripts, Nagios lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.cli import nagios
from monitor.cli.actions import script
from monitor.cli.findings import is_at_least
from monitor.cli.output import emit_table
from monitor.cli.render import emit_findings
from monitor.cli.report import document
from monitor.model.finding import (
    Finding,
    ObjectRef,
    Remedy,
    Severity,
    TrackedFinding,
)
from monitor.model.shape import finding_as_dict
from monitor.model.state import State, TargetState
from monitor.model.target import Target

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def tracked(severity: Severity = Severity.WARNING, **changes: Any) -> TrackedFinding:
    finding = Finding(
        severity=severity,
        object=ObjectRef("table", "app", "orders"),
        summary="table app.orders is large",
        check="table_bloat",
        target="db1",
        database="shop",
        remedy=Remedy(sql="vacuum app.orders;"),
    )
    return TrackedFinding(finding=finding, first_seen=NOW, last_seen=NOW, **changes)


def shaped(severity: Severity = Severity.WARNING) -> dict[str, Any]:
    return finding_as_dict(tracked(severity))


def test_a_finding_shows_where_what_and_the_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit_findings([shaped()])

    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "WARNING   table_bloat  db1 shop app.orders"
    assert lines[1].strip() == "table app.orders is large"
    assert lines[2].strip() == "| vacuum app.orders;"


def test_no_findings_are_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    emit_findings([])

    assert capsys.readouterr().out == "no findings\n"


def test_names_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    finding = shaped() | {"summary": "\x1b[2Jgone", "target": "a\nCRITICAL"}

    emit_findings([finding])
    emit_table(["name"], [["\x1b[2J\u202e"]])

    assert "\x1b" not in capsys.readouterr().out


def test_a_table_has_columns_of_one_width(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table(("name", "n"), [("a", 1), ("longer", None), ("x" * 99, True)])

    lines = capsys.readouterr().out.splitlines()

    assert lines[0].index("N", 4) == lines[1].index("1") == lines[2].index("-")
    assert "…" in lines[3]


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([], nagios.OK),
        ([Severity.INFO], nagios.OK),
        ([Severity.INFO, Severity.WARNING], nagios.WARNING),
        ([Severity.WARNING, Severity.CRITICAL], nagios.CRITICAL),
    ],
)
def test_the_worst_open_finding_is_the_exit_status(
    severities: list[Severity], expected: int
) -> None:
    assert nagios.judge([shaped(severity) for severity in severities]) == expected


def test_a_severity_is_at_least_as_urgent_as_those_below() -> None:
    assert is_at_least("critical", "warning")
    assert is_at_least("warning", "warning")
    assert not is_at_least("info", "warning")
    assert is_at_least("info", None)


def test_a_document_leaves_out_what_is_over() -> None:
    target = TargetState(
        target=Target(name="db1"),
        up=True,
        findings=(tracked(), tracked(Severity.CRITICAL), tracked(state="resolved")),
    )
    state = State(
        generation=1,
        version="1",
        instance="i",
        started_at=NOW,
        at=NOW,
        heartbeat=NOW,
        has_finished_first_cycle=True,
        targets=(target,),
    )

    found = document(state)

    assert [one["severity"] for one in found["findings"]] == ["critical", "warning"]
    assert found["server"] is None
    assert found["metrics"] == {"series": 0}


def test_a_script_of_actions_keeps_comments_in_comments() -> None:
    action = {
        "target": "db1\n; drop table x",
        "database": "shop",
        "kind": "drop_index",
        "reason": "unused\n; drop table y",
        "sql": 'drop index concurrently "a\n;b"',
        "undo": "create index concurrently i\non t (a)",
    }

    lines = list(script([action]))

    comments = [line for line in lines if line.startswith("--")]
    assert len(comments) == 4
    assert lines[2:4] == ['drop index concurrently "a', ';b"']
