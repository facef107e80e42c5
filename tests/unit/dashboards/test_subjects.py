"""Dashboards ask for findings of rules that exist."""

from __future__ import annotations

import re

import pytest

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
