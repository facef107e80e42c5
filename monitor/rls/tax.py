"""The natural experiment: one statement, run by who is bound and by who bypasses.

A statement's id is computed before policies are added to it, so the same text has
one id for every role, and pg_stat_statements keeps a row for each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from monitor.model.rls_observed import Tax
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.rls.attribution import Attributor, Verdict, attributor

FEWEST_CALLS = 5
MOST_ROWS_APART = 2.0
"""Rows per call may differ by this factor; beyond, the roles saw different rows."""


def taxes(view: View, fewest_calls: int = FEWEST_CALLS) -> tuple[Tax, ...]:
    """Return what can be compared over the check interval, dearest first.

    Both sides need `fewest_calls`. A statement that only one side ran gives
    nothing: there is no comparison, not a tax of zero. Empty across a reset.
    """
    delta = view.recent(StatementRow)
    if delta is None:
        return ()
    found: list[Tax] = []
    for rows in _statements(delta.rows, fewest_calls):
        judge = attributor(view, view.databases.get(rows[0].dbid, ""))
        if judge is not None:
            found.extend(_compared(view, judge, rows))
    return tuple(sorted(found, key=lambda each: -each.seconds * each.calls))


def _statements(
    rows: Iterable[StatementRow], fewest_calls: int
) -> Iterator[list[StatementRow]]:
    """Yield the rows of each statement that more than one role ran often enough."""
    by_statement: dict[tuple[int, int, bool], list[StatementRow]] = defaultdict(list)
    for row in rows:
        if row.calls_total >= fewest_calls:
            key = (row.dbid, row.queryid, row.toplevel)
            by_statement[key].append(row)
    return (found for found in by_statement.values() if len(found) > 1)


def _compared(view: View, judge: Attributor, rows: list[StatementRow]) -> Iterator[Tax]:
    """Yield each bound role beside the bypassing one that ran it most often."""
    bound: list[tuple[str, StatementRow, Verdict]] = []
    free: list[tuple[str, StatementRow]] = []
    for row in rows:
        role = view.roles.get(row.userid, "")
        if not role or role == view.server.role:
            continue
        text = view.texts.get(row.queryid)
        verdict = judge.verdict(text, row.queryid, role, view.probes.confirmed)
        if verdict is not None and verdict.is_subject:
            bound.append((role, row, verdict))
        elif verdict is not None and verdict.reached:
            free.append((role, row))
    if not free:
        return
    bypassing = max(free, key=lambda each: (each[1].calls_total, each[0]))
    for role, row, verdict in bound:
        yield _tax(judge.datname, (role, row), bypassing, verdict)


def _tax(
    datname: str,
    bound: tuple[str, StatementRow],
    bypassing: tuple[str, StatementRow],
    verdict: Verdict,
) -> Tax:
    (role, row), (other, free) = bound, bypassing
    return Tax(
        database=datname,
        queryid=row.queryid,
        relids=tuple(sorted(verdict.guarded)),
        role=role,
        calls=row.calls_total,
        mean_seconds=row.exec_time_seconds_total / row.calls_total,
        rows_per_call=row.rows_total / row.calls_total,
        bypassing_role=other,
        bypassing_calls=free.calls_total,
        bypassing_mean_seconds=free.exec_time_seconds_total / free.calls_total,
        bypassing_rows_per_call=free.rows_total / free.calls_total,
        is_comparable=_is_close(
            row.rows_total / row.calls_total, free.rows_total / free.calls_total
        ),
        attribution=verdict.attribution,
    )


def _is_close(rows: float, others: float) -> bool:
    """Say whether two numbers of rows are near enough to be the same question.

    One row more or less is no difference: 0 and 1 come from one look-up.
    """
    least, most = sorted((rows, others))
    return most <= 1.0 or most <= MOST_ROWS_APART * max(least, 1.0)
