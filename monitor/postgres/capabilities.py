"""Which features a server and a role allow, decided from what a probe was told.

Each capability has one function that returns what is in its way, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.model.quoting import quote_ident
from monitor.model.server import Capability, Pooler
from monitor.postgres import trust
from monitor.postgres.probe_facts import Answers, ExtensionRow
from monitor.postgres.providers import Provider

# PostgreSQL 13's; older ones lack columns that every query of ours reads.
OLDEST_STATEMENTS = (1, 8)
# reserved_connections is new in 16.
_RESERVES_CONNECTIONS = 160000


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a capability is missing, and a sentence on what to do."""

    reason: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that decides about capabilities."""

    answers: Answers
    pooler: Pooler = Pooler.NONE
    provider: Provider | None = None

    @property
    def role(self) -> str:
        """Return our role as an identifier, for cures."""
        return quote_ident(self.answers.facts.role)

    def extension(self, name: str) -> ExtensionRow | None:
        """Return an installed extension by name."""
        return next((e for e in self.answers.extensions if e.name == name), None)


def parse_version(version: str) -> tuple[int, ...]:
    """Return an extension's version as numbers: (1, 11) for "1.11"; text is cut."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def capabilities(situation: Situation) -> tuple[Capability, ...]:
    """Return every capability, there or missing, in a stable order."""
    return tuple(
        _capability(name, look(situation), situation.provider)
        for name, look in _LOOK.items()
    )


def _capability(
    name: str, obstacle: Obstacle | None, provider: Provider | None
) -> Capability:
    if obstacle is None:
        return Capability(name=name, available=True)
    denial = provider.denials.get(name) if provider else None
    if denial is None:
        return Capability(
            name=name, available=False, reason=obstacle.reason, cure=obstacle.cure
        )
    return Capability(
        name=name,
        available=False,
        reason=f"{obstacle.reason} ({denial.reason})",
        cure=denial.cure,
    )


def _statements(situation: Situation) -> Obstacle | None:
    facts = situation.answers.facts
    extension = situation.extension("pg_stat_statements")
    if not facts.statements_loaded:
        return Obstacle(
            "pg_stat_statements is not preloaded",
            "Add pg_stat_statements to shared_preload_libraries, restart the server"
            ' and run "create extension pg_stat_statements".',
        )
    if extension is None:
        return Obstacle(
            f"pg_stat_statements is not installed in database {facts.database}",
            f'Run "create extension pg_stat_statements" in {facts.database}.',
        )
    if parse_version(extension.version) < OLDEST_STATEMENTS:
        return Obstacle(
            f"pg_stat_statements {extension.version} is too old",
            'Run "alter extension pg_stat_statements update".',
        )
    if not extension.usable:
        return Obstacle(
            f"role {situation.role} may not use schema {extension.schema}",
            f'Run "grant usage on schema {quote_ident(extension.schema)}'
            f' to {situation.role}".',
        )
    if facts.query_ids_off:
        return Obstacle(
            "compute_query_id is off, so that no statement is recorded",
            'Set compute_query_id to "auto".',
        )
    return None


def _statement_texts(situation: Situation) -> Obstacle | None:
    return _statements(situation) or _read_all_stats(situation)


def _read_all_stats(situation: Situation) -> Obstacle | None:
    if situation.answers.facts.reads_all_stats:
        return None
    return Obstacle(
        f"role {situation.role} sees only its own sessions and statements",
        f'Run "grant pg_monitor to {situation.role}".',
    )


def _read_all_settings(situation: Situation) -> Obstacle | None:
    if situation.answers.facts.reads_all_settings:
        return None
    return Obstacle(
        f"role {situation.role} does not see all settings",
        f'Run "grant pg_monitor to {situation.role}".',
    )


def _pgstattuple(situation: Situation) -> Obstacle | None:
    extension = situation.extension("pgstattuple")
    if extension is None:
        database = situation.answers.facts.database
        return Obstacle(
            f"pgstattuple is not installed in database {database}",
            f'Run "create extension pgstattuple" in {database}.',
        )
    if not extension.usable:
        return Obstacle(
            f"role {situation.role} may not call pgstattuple_approx",
            f'Run "grant pg_stat_scan_tables to {situation.role}".',
        )
    return None


def _planner_stats(situation: Situation) -> Obstacle | None:
    statistics, role = situation.answers.statistics, situation.role
    if statistics is None:
        return Obstacle("what pg_stats hides from this role could not be found out")
    if statistics.hidden_by_rls > 0:
        return Obstacle(
            f"row level security hides the planner's statistics of"
            f" {_tables(statistics.hidden_by_rls)} from role {role}",
            'Run "pgvigil install --planner-stats", which shows numbers and no values,'
            f' or "alter role {role} bypassrls" if it may read every row;'
            " otherwise what rests on these statistics is left out.",
        )
    if statistics.hidden_by_privilege == statistics.tables > 0:
        return Obstacle(
            f"pg_stats shows only tables that role {role} may read, which is none",
            f'Run "grant select" on tables whose contents {role} may read;'
            " otherwise what rests on these statistics is left out.",
        )
    return None


def _tables(count: int) -> str:
    return "1 table" if count == 1 else f"{count} tables"


def _wal_directory(situation: Situation) -> Obstacle | None:
    if situation.answers.facts.lists_wal:
        return None
    return Obstacle(
        f"role {situation.role} may not list the WAL directory",
        f'Run "grant pg_monitor to {situation.role}".',
    )


def _actions_session(situation: Situation) -> Obstacle | None:
    if situation.pooler is Pooler.NONE:
        return None
    return Obstacle(
        f"a {situation.pooler} pooler is in between, where locks do not hold",
        "Connect to the server itself.",
    )


def _monitoring_schema(situation: Situation) -> Obstacle | None:
    facts = situation.answers.facts
    if not facts.has_monitoring:
        return Obstacle(
            f"schema monitoring is not installed in database {facts.database}",
            'Run "pgvigil install" as a role that may create it.',
        )
    if not facts.trusts_monitoring:
        return Obstacle(trust.distrust(facts.monitoring_owner), trust.CURE)
    if not facts.may_use_monitoring:
        return Obstacle(
            f"role {situation.role} may not use schema monitoring",
            'Run what "pgvigil print-grants" prints.',
        )
    return None


def _control_data(situation: Situation) -> Obstacle | None:
    if situation.answers.facts.reads_control_data:
        return None
    return Obstacle(
        f"role {situation.role} may not read the control data",
        'Run "grant execute on function pg_control_system(),'
        f' pg_control_checkpoint() to {situation.role}".',
    )


def _reserved_connections(situation: Situation) -> Obstacle | None:
    facts = situation.answers.facts
    if facts.is_superuser:
        return None
    if facts.version_num < _RESERVES_CONNECTIONS:
        return Obstacle(
            "this version reserves connections for superusers only",
            "The connections held keep working when all others are taken.",
        )
    if not facts.reserved_connections:
        return Obstacle(
            "reserved_connections is 0", "Set reserved_connections to 4 and restart."
        )
    if not facts.may_use_reserved:
        return Obstacle(
            f"role {situation.role} may not use reserved connections",
            f'Run "grant pg_use_reserved_connections to {situation.role}".',
        )
    return None


def _io_timing(situation: Situation) -> Obstacle | None:
    if situation.answers.facts.tracks_io_timing:
        return None
    return Obstacle(
        "track_io_timing is off",
        "Set track_io_timing to on; pg_test_timing tells what that costs.",
    )


_LOOK: Mapping[str, Callable[[Situation], Obstacle | None]] = {
    "statements": _statements,
    "statement_texts": _statement_texts,
    "read_all_stats": _read_all_stats,
    "read_all_settings": _read_all_settings,
    "pgstattuple": _pgstattuple,
    "planner_stats": _planner_stats,
    "wal_directory": _wal_directory,
    "actions_session": _actions_session,
    "monitoring_schema": _monitoring_schema,
    "control_data": _control_data,
    "reserved_connections": _reserved_connections,
    "io_timing": _io_timing,
}
NAMES = tuple(_LOOK)
