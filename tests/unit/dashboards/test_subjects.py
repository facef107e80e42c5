"""Dashboards ask for findings of rules that exist."""

from __future__ import annotations

import re

import pytest

from dashboards.subjects import uid_of
from monitor import resources
from monitor.runtime.rules import discover

SUBJECTS = {
    name: module.CHECKS
    for name, module in resources.modules("dashboards", "CHECKS").items()
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_pattern_finds_a_rule(subject: str) -> None:
    idle = [
        pattern
        for pattern in SUBJECTS[subject]
        if not any(re.fullmatch(pattern, rule) for rule in discover())
    ]

    assert idle == []


@pytest.mark.parametrize(
    ("check", "uid"),
    [
        ("replication_lag", "pgvigil-wal"),
        ("policy_volatile_function", "pgvigil-rls"),
        # Both the tables' and the upkeep's: the narrower one.
        ("sequence_exhaustion", "pgvigil-tables"),
        ("no_such_check", "pgvigil-overview"),
    ],
)
def test_a_check_leads_to_the_dashboard_of_its_subject(check: str, uid: str) -> None:
    assert uid_of(check) == uid
