"""What a probe was told decides what can be done, and what to do otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.errors import TargetError
from monitor.model.server import Capability, Pooler
from monitor.postgres import capabilities as decisions
from monitor.postgres import providers
from monitor.postgres.capabilities import Situation, parse_version
from monitor.postgres.probe import server_from, timeline_from
from monitor.postgres.probe_facts import (
    Answers,
    ExtensionRow,
    Facts,
    MarkerRow,
    StatisticsRow,
)

ALL_WELL = Facts(
    version_num=180006,
    version="18.6",
    role="pgvigil_reader",
    database="app",
    is_superuser=False,
    bypasses_rls=False,
    is_standby=False,
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    reads_all_stats=True,
    reads_all_settings=True,
    lists_wal=True,
    reads_control_data=True,
    reserved_connections=4,
    may_use_reserved=True,
    tracks_io_timing=True,
    statements_loaded=True,
    query_ids_off=False,
    has_monitoring=True,
    may_use_monitoring=True,
)
STATEMENTS = ExtensionRow(
    name="pg_stat_statements", schema="public", version="1.12", usable=True
)
STATTUPLE = ExtensionRow(
    name="pgstattuple", schema="public", version="1.5", usable=True
)
ANSWERS = Answers(
    facts=ALL_WELL,
    extensions=(STATEMENTS, STATTUPLE),
    databases=("app", "postgres"),
    system_identifier="7",
    timeline=3,
    statistics=StatisticsRow(tables=5),
)


def told(
    extensions: tuple[ExtensionRow, ...] = ANSWERS.extensions,
    statistics: StatisticsRow | None = ANSWERS.statistics,
    **facts: Any,
) -> Answers:
    return replace(
        ANSWERS,
        facts=replace(ALL_WELL, **facts),
        extensions=extensions,
        statistics=statistics,
    )


def missing(
    answers: Answers,
    pooler: Pooler = Pooler.NONE,
    provider: providers.Provider | None = None,
) -> dict[str, Capability]:
    situation = Situation(answers=answers, pooler=pooler, provider=provider)
    every = decisions.capabilities(situation)
    return {c.name: c for c in every if not c.available}


def test_everything_is_there_when_nothing_is_in_the_way() -> None:
    assert missing(ANSWERS) == {}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (told(statements_loaded=False), {"statements", "statement_texts"}),
        (told(extensions=(STATTUPLE,)), {"statements", "statement_texts"}),
        (
            told(extensions=(replace(STATEMENTS, version="1.6"), STATTUPLE)),
            {"statements", "statement_texts"},
        ),
        (
            told(extensions=(replace(STATEMENTS, usable=False), STATTUPLE)),
            {"statements", "statement_texts"},
        ),
        (told(query_ids_off=True), {"statements", "statement_texts"}),
        (told(reads_all_stats=False), {"read_all_stats", "statement_texts"}),
        (told(reads_all_settings=False), {"read_all_settings"}),
        (told(extensions=(STATEMENTS,)), {"pgstattuple"}),
        (
            told(extensions=(STATEMENTS, replace(STATTUPLE, usable=False))),
            {"pgstattuple"},
        ),
        (told(statistics=StatisticsRow(tables=5, hidden_by_rls=1)), {"planner_stats"}),
        (
            told(statistics=StatisticsRow(tables=5, hidden_by_privilege=5)),
            {"planner_stats"},
        ),
        (told(statistics=StatisticsRow(tables=5, hidden_by_privilege=4)), set[str]()),
        (told(statistics=StatisticsRow(tables=0)), set[str]()),
        (told(statistics=None), {"planner_stats"}),
        (told(lists_wal=False), {"wal_directory"}),
        (told(has_monitoring=False), {"monitoring_schema"}),
        (told(may_use_monitoring=False), {"monitoring_schema"}),
        (told(trusts_monitoring=False), {"monitoring_schema"}),
        (told(reads_control_data=False), {"control_data"}),
        (told(reserved_connections=0), {"reserved_connections"}),
        (told(may_use_reserved=False), {"reserved_connections"}),
        (
            told(version_num=150004, reserved_connections=None),
            {"reserved_connections"},
        ),
        (told(reserved_connections=0, is_superuser=True), set[str]()),
        (told(tracks_io_timing=False), {"io_timing"}),
    ],
)
def test_each_lack_disables_exactly_its_capabilities(
    answers: Answers, expected: set[str]
) -> None:
    assert set(missing(answers)) == expected


@pytest.mark.parametrize("pooler", [Pooler.SESSION, Pooler.TRANSACTION])
def test_no_actions_behind_a_pooler(pooler: Pooler) -> None:
    assert set(missing(ANSWERS, pooler)) == {"actions_session"}


def test_every_missing_capability_names_reason_and_cure() -> None:
    nothing = told(
        extensions=(),
        statistics=StatisticsRow(tables=1, hidden_by_rls=1),
        statements_loaded=False,
        reads_all_stats=False,
        reads_all_settings=False,
        lists_wal=False,
        reads_control_data=False,
        reserved_connections=0,
        tracks_io_timing=False,
        has_monitoring=False,
    )

    lacking = missing(nothing, Pooler.TRANSACTION)

    assert set(lacking) == set(decisions.NAMES)
    for capability in lacking.values():
        assert capability.reason
        assert not capability.reason.endswith(".")
        assert capability.cure.endswith(".")


def test_cure_quotes_a_role_that_needs_it() -> None:
    lacking = missing(told(reads_all_settings=False, role='odd "role'))

    assert lacking["read_all_settings"].cure == (
        'Run "grant pg_monitor to "odd ""role"".'
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.11", (1, 11)),
        ("1.9", (1, 9)),
        ("3.4.2dev", (3, 4, 2)),
        ("2", (2,)),
        ("unpackaged", ()),
    ],
)
def test_extension_versions_compare_as_numbers(
    version: str, expected: tuple[int, ...]
) -> None:
    assert parse_version(version) == expected


def test_a_server_newer_than_known_works_and_says_so() -> None:
    server = server_from(told(version_num=190000, version="19beta1"), Pooler.NONE)

    assert server.is_newer_than_known
    assert server.major == 19
    assert all(c.available for c in server.capabilities)


def test_the_newest_known_server_is_not_newer_than_known() -> None:
    assert not server_from(ANSWERS, Pooler.NONE).is_newer_than_known


def test_a_server_too_old_is_refused_by_version() -> None:
    with pytest.raises(TargetError, match=r"12\.22 is not supported"):
        server_from(told(version_num=120022, version="12.22"), Pooler.NONE)


@pytest.mark.parametrize(
    ("text", "expected"), [("0000000A", 10), ("2", 2), ("", None), (None, None)]
)
def test_timeline_is_hexadecimal(text: str | None, expected: int | None) -> None:
    assert timeline_from(text) == expected


@pytest.mark.parametrize(
    ("markers", "expected"),
    [
        (set[MarkerRow](), "self-hosted"),
        ({MarkerRow("role", "rdsadmin")}, "rds"),
        (
            {MarkerRow("role", "rdsadmin"), MarkerRow("function", "aurora_version")},
            "aurora",
        ),
        ({MarkerRow("role", "cloudsqlsuperuser")}, "cloudsql"),
        ({MarkerRow("setting", "azure.extensions")}, "azure"),
        ({MarkerRow("role", "supabase_admin")}, "supabase"),
        ({MarkerRow("setting", "rdsadmin")}, "self-hosted"),
    ],
)
def test_simulated_provider_is_known_by_what_exists(
    markers: set[MarkerRow], expected: str
) -> None:
    answers = replace(ANSWERS, markers=frozenset(markers))

    assert server_from(answers, Pooler.NONE).provider == expected


DENIALS = [
    pytest.param(provider, capability, id=f"simulated-{provider.name}-{capability}")
    for provider in providers.providers()
    for capability in provider.denials
]


@pytest.mark.parametrize(("provider", "capability"), DENIALS)
def test_simulated_provider_explains_a_denial_in_its_own_terms(
    provider: providers.Provider, capability: str
) -> None:
    nothing = told(
        extensions=(),
        statistics=StatisticsRow(tables=1, hidden_by_rls=1),
        reads_all_stats=False,
        lists_wal=False,
        reads_control_data=False,
        reserved_connections=0,
        tracks_io_timing=False,
    )
    denial = provider.denials[capability]

    lacking = missing(nothing, Pooler.TRANSACTION, provider)[capability]

    assert denial.reason in lacking.reason
    assert lacking.cure == denial.cure
    assert denial.cure.endswith(".")
    assert denial.source.startswith("https://")


@pytest.mark.parametrize("provider", providers.providers(), ids=lambda p: p.name)
def test_simulated_provider_denies_nothing_that_is_there(
    provider: providers.Provider,
) -> None:
    assert missing(ANSWERS, Pooler.NONE, provider) == {}
