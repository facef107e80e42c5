"""Pages as Prometheus's own linter reads them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from monitor.exporters.own import own
from monitor.exporters.prometheus import TargetExporter, merge
from tests.unit.exporters import example, states
from tests.unit.exporters.example import TableRow

_PROMTOOL = shutil.which("promtool")

pytestmark = pytest.mark.skipif(
    _PROMTOOL is None, reason="promtool is not installed (apt: prometheus)"
)


def _lint(page: bytes) -> str:
    done = subprocess.run(
        [_PROMTOOL or "", "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
    )
    return (done.stdout + done.stderr).decode()


def test_our_own_metrics_are_free_of_complaints() -> None:
    page = own(states.state(states.target_state()))

    assert _lint(page.body(openmetrics=False, compressed=False)) == ""


@pytest.mark.promise(13)
def test_pages_with_hostile_text_are_free_of_complaints() -> None:
    names = ["\x00", "\x1b[31m", 'q"b\\n\n', "\ud800", "\u202e", "x" * 10**6, "ü" * 63]
    rows = [TableRow(relname=name, seconds_total=float("inf")) for name in names]
    exporter = TargetExporter(example.target(labels={"team": 'a"b'}))

    page = merge(exporter.render([example.tables(rows)]))

    assert _lint(page.body(openmetrics=False, compressed=False)) == ""


def test_the_linter_does_complain_about_a_bad_page() -> None:
    assert "non-counter" in _lint(
        b"# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n"
    )
