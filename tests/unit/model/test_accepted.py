"""Findings that a team has accepted, by lint and object."""

from __future__ import annotations

import pytest

from monitor.errors import ConfigError
from monitor.model.accepted import Acceptance, parse, sort
from monitor.model.finding import Finding, ObjectRef, Severity


def finding(check: str, name: str) -> Finding:
    return Finding(
        severity=Severity.INFO,
        check=check,
        object=ObjectRef("table", "public", name),
        summary="a fault",
    )


def test_findings_are_told_apart_and_entries_without_one_are_stale() -> None:
    entries = parse(
        '[a]\n"public.t" = "known"\n"public.gone" = "dropped"\n'
        '[b]\n"public.log_*" = "one a month"\n'
    )
    found = [
        finding("a", "t"),
        finding("b", "t"),
        finding("b", "log_2026_01"),
        finding("b", "log_2026_02"),
    ]

    outcome = sort(found, entries)

    assert outcome.open == (finding("b", "t"),)
    assert [entry.reason for _, entry in outcome.accepted] == [
        "known",
        "one a month",
        "one a month",
    ]
    assert outcome.stale == (Acceptance("a", "public.gone", "dropped"),)


@pytest.mark.parametrize(
    ("accepted", "name", "covers"),
    [
        ("public.t[1]", "t[1]", True),
        ("public.t[1]", "t1", False),
        ("public.t[1]*", "t[1] and more", True),
        ("public.t?", "t?", True),
        ("public.t?*", "tx", False),
        ("public.T", "t", False),
    ],
)
def test_only_a_star_stands_for_anything(
    *, accepted: str, name: str, covers: bool
) -> None:
    entry = Acceptance("a", accepted, "known")

    assert entry.covers(finding("a", name)) is covers


@pytest.mark.parametrize(
    "text",
    ["[a", 'a = "b"', '[a]\n"public.t" = " "', '[a]\n"public.t" = 1'],
)
def test_what_is_not_a_list_of_reasons_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)
