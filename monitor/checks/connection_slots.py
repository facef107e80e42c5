"""Connections use up the server's slots.

## Meaning

Client connections of every state are counted, because an idle one occupies a slot
as much as a busy one. The levels are the smaller of the configured numbers and a
share of what ordinary roles can use, `max_connections` less the reserved slots:
on a small server a fixed number could never be reached. Databases with a
connection limit of their own are judged by the same shares of that limit.

## If ignored

New connections fail with "sorry, too many clients already" (SQLSTATE 53300), and
so does the one you need to find out why.

## How to look

    select datname, usename, application_name, state, count(*)
    from pg_catalog.pg_stat_activity
    where backend_type = 'client backend'
    group by datname, usename, application_name, state
    order by count(*) desc;

## How to fix

Find the application that holds the most: many idle connections call for a smaller
pool or a pooler in front; many active ones are waiting for something, which other
findings name. Raising `max_connections` needs a restart and memory.

## How to silence

Raise `thresholds.connection_slots.warning` and `.critical` and their `_share`, or
mute the finding.

## Thresholds

150 and 190 connections fit a server with 200; 75 and 95 percent of the usable
slots are the same proportions on any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident, quote_literal
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Levels, grade
from monitor.model.units import number
from monitor.model.view import View

UNIT = "connections"
METRIC_NAME = "connection_count"
NEEDS = (ConnectionsRow,)

_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Client connections, and the share of usable slots that caps both levels."""

    warning: float = 150
    critical: float = 190
    warning_share: float = 0.75
    critical_share: float = 0.95


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding for the server and for each database near its own limit."""
    rows = view.rows(ConnectionsRow)
    yield from _server(view, rows, thresholds)
    used: Counter[str] = Counter()
    for row in rows:
        used[row.datname] += row.connections
    for database in view.rows(DatabaseRow):
        if database.connection_limit > 0:
            yield from _database(database, used[database.datname], thresholds)


def _server(
    view: View, rows: tuple[ConnectionsRow, ...], thresholds: Thresholds
) -> Iterator[Finding]:
    used = sum(row.connections for row in rows)
    settings = next(iter(view.rows(SettingsRow)), None)
    warning, critical = thresholds.warning, thresholds.critical
    if settings is not None:
        usable = settings.max_connections - settings.reserved_connections
        warning = min(warning, thresholds.warning_share * usable)
        critical = min(critical, thresholds.critical_share * usable)
    severity = grade(used, warning=warning, critical=critical)
    if severity is None:
        return
    yield Finding(
        severity=severity,
        object=ObjectRef("server"),
        summary=_server_summary(used, settings),
        evidence=(
            Evidence("connections", used, "connections"),
            *_by_state(rows),
            *_by_application(rows),
            Evidence("warning level here", round(warning, 2), "connections"),
            Evidence("critical level here", round(critical, 2), "connections"),
        ),
        unknowns=() if settings else ("max_connections could not be read.",),
        remedy=_look(""),
        value=float(used),
    )


def _server_summary(used: int, settings: SettingsRow | None) -> str:
    if settings is None:
        return f"{number(used)} client connections"
    usable = settings.max_connections - settings.reserved_connections
    return (
        f"{number(used)} client connections of {number(usable)} slots that ordinary "
        f"roles can use (max_connections {number(settings.max_connections)})"
    )


def _by_state(rows: tuple[ConnectionsRow, ...]) -> Iterator[Evidence]:
    states: Counter[str] = Counter()
    for row in rows:
        states[row.state or "unknown state"] += row.connections
    for state, count in states.most_common():
        yield Evidence(state, count, "connections")


def _by_application(rows: tuple[ConnectionsRow, ...]) -> Iterator[Evidence]:
    holders: Counter[str] = Counter()
    for row in rows:
        name = f'role "{row.usename}", application "{row.application_name}"'
        holders[name] += row.connections
    for name, count in holders.most_common(_NAMED):
        yield Evidence(f"held by {name}", count, "connections")


def _database(row: DatabaseRow, used: int, thresholds: Thresholds) -> Iterator[Finding]:
    limit = row.connection_limit
    severity = grade(
        used,
        warning=thresholds.warning_share * limit,
        critical=thresholds.critical_share * limit,
    )
    if severity is None:
        return
    yield Finding(
        severity=severity,
        database=row.datname,
        object=ObjectRef("database", name=row.datname),
        summary=(
            f"{number(used)} client connections of the {number(limit)} that database "
            f"{quote_ident(row.datname)} allows"
        ),
        evidence=(
            Evidence("connections", used, "connections"),
            Evidence("connection limit of the database", limit, "connections"),
        ),
        remedy=_look(row.datname),
        value=float(used),
    )


def _look(datname: str) -> Remedy:
    condition = f"\n    and datname = {quote_literal(datname)}" if datname else ""
    return Remedy(
        sql=(
            "select datname, usename, application_name, state, count(*)\n"
            "from pg_catalog.pg_stat_activity\n"
            f"where backend_type = 'client backend'{condition}\n"
            "group by datname, usename, application_name, state\n"
            "order by count(*) desc;"
        ),
        risk="Reads only; shows who holds the connections.",
    )
