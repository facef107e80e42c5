"""Our own lints have nothing to say about what we ship that is not meant."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from monitor.lint import lint
from monitor.model import accepted
from monitor.model.finding import Finding, Severity
from tests.platform import Platform

ACCEPTED = Path(__file__).parent / "accepted_findings.toml"


def entries() -> tuple[accepted.Acceptance, ...]:
    return accepted.parse(ACCEPTED.read_text("utf-8"))


def judged(conninfo: str) -> tuple[Finding, ...]:
    with psycopg.connect(conninfo) as connection:
        return lint(connection)


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S8.1.1-e", "S3.1.1-c", "S3-p8", "S3-p9")
async def test_the_shipped_schema_has_no_finding_that_is_not_accepted(
    platform: Platform,
) -> None:
    found = judged(platform.conninfo)

    outcome = accepted.sort(found, entries())
    assert [one for one in found if one.severity is not Severity.INFO] == []
    assert [f"{one.check} {one.object}" for one in outcome.open] == []
    assert outcome.stale == ()


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S8.1.1-e")
async def test_the_schema_as_a_tenant_installs_it_has_none_either(
    platform_by_tenant: Platform,
) -> None:
    found = judged(platform_by_tenant.conninfo)

    outcome = accepted.sort(found, entries())
    assert [f"{one.check} {one.object}" for one in outcome.open] == []


def test_every_accepted_finding_has_a_reason() -> None:
    assert [entry for entry in entries() if len(entry.reason) < 20] == []
