"""A server that cannot be reached is a finding of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.alerting.availability import unreachable
from monitor.model.finding import Evidence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_error_is_told_as_it_came() -> None:
    error = "connection refused: is the server running?"

    found = unreachable("orders", error=error, since=NOW, now=NOW)

    assert found.summary == f"server orders cannot be reached: {error}"


def test_the_time_since_the_last_answer_is_evidence() -> None:
    since = NOW - timedelta(minutes=2)

    found = unreachable("orders", error="refused", since=since, now=NOW)

    assert Evidence("unreachable for", 120.0, "seconds") in found.evidence
