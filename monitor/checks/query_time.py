"""Statements of a database take long on average.

## Meaning

The time spent executing top-level statements, divided by the number of calls,
over the check interval: a statement that runs often weighs as much as it should,
and last month's statements do not weigh at all. Nested statements are left out,
because their time is part of their caller's. So are the statements of a role
whose name begins with `pgvigil_` when it is the one that watches.

## If ignored

Connections are held longer, so pools run dry and waits spread to statements that
are fast by themselves.

## How to look

    select d.datname, s.queryid, s.calls, s.mean_exec_time, s.query
    from pg_stat_statements as s
    join pg_catalog.pg_database as d on d.oid = s.dbid
    order by s.total_exec_time desc
    limit 10;

## How to fix

Start with the statements named in the evidence: they took most of the time in
the window. Look at their plans, at locks they waited for, and at what changed.

## How to silence

Raise `thresholds.query_time.warning` and `.critical`, for one target if need be,
or mute the finding. A reporting database deserves its own levels.

## Thresholds

100 and 500 ms: an interactive page runs several statements within the second its
reader has patience for. An average over fewer than 100 calls is an anecdote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_ident, quote_literal
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, number
from monitor.model.view import View

UNIT = "ms"
METRIC_NAME = "avg_query_time_ms"
NEEDS_RATES = (StatementRow,)

_MS = 1000
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Mean execution time in milliseconds, and the calls it takes to judge."""

    warning: float = 100
    critical: float = 500
    min_calls: float = 100


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per database whose statements are slow on average."""
    delta = view.recent(StatementRow)
    if delta is None:
        return
    by_database: dict[int, list[StatementRow]] = defaultdict(list)
    for row in delta.rows:
        if row.toplevel and not _is_own(view, row):
            by_database[row.dbid].append(row)
    window = timedelta(seconds=delta.seconds)
    for dbid, rows in by_database.items():
        datname = view.databases.get(dbid)
        if datname is not None:
            yield from _judge(view, datname, rows, window, thresholds)


def _is_own(view: View, row: StatementRow) -> bool:
    role = view.roles.get(row.userid, "")
    return role == view.server.role and role.startswith("pgvigil_")


def _judge(
    view: View,
    datname: str,
    rows: Sequence[StatementRow],
    window: timedelta,
    thresholds: Thresholds,
) -> Iterator[Finding]:
    calls = sum(row.calls_total for row in rows)
    seconds = sum(row.exec_time_seconds_total for row in rows)
    if not calls or calls < thresholds.min_calls:
        return
    mean = seconds / calls
    severity = thresholds.severity(mean * _MS)
    if severity is None:
        return
    yield Finding(
        severity=severity,
        database=datname,
        object=ObjectRef("database", name=datname),
        summary=(
            f"statements of database {quote_ident(datname)} took {duration(mean)} on "
            f"average over {number(calls)} calls"
        ),
        evidence=(
            Evidence("mean execution time", round(mean, 6), "seconds", window),
            Evidence("calls", calls, "calls", window),
            *_costliest(rows, seconds, window),
        ),
        remedy=_look(view, datname),
        value=mean * _MS,
    )


def _costliest(
    rows: Sequence[StatementRow], seconds: float, window: timedelta
) -> Iterator[Evidence]:
    ranked = sorted(rows, key=lambda row: -row.exec_time_seconds_total)
    for row in ranked[:_NAMED]:
        share = row.exec_time_seconds_total / seconds
        mean = row.exec_time_seconds_total / max(row.calls_total, 1)
        text = (
            f"{share:.0%} of the time, {number(row.calls_total)} calls, "
            f"{duration(mean)} each"
        )
        yield Evidence(f"queryid {row.queryid}", text, window=window)


def _look(view: View, datname: str) -> Remedy:
    extension = view.server.extensions.get("pg_stat_statements")
    schema = quote_ident(extension.schema) + "." if extension else ""
    return Remedy(
        sql=(
            "select s.queryid, s.calls, s.mean_exec_time, s.query\n"
            f"from {schema}pg_stat_statements as s\n"
            "join pg_catalog.pg_database as d on d.oid = s.dbid\n"
            f"where d.datname = {quote_literal(datname)}\n"
            "order by s.total_exec_time desc\n"
            "limit 10;"
        ),
        risk="Reads only; shows which statements to look at.",
    )
