"""Which round of probes is worth most now, and what it may take."""

from __future__ import annotations

from datetime import timedelta

from monitor.model.persona import RlsOptions
from monitor.model.rls import UnitCost
from monitor.rls.rounds import Round, TableRound

# What a round is worth at least: a cheap policy is probed now and then, too.
_LEAST = 1e-4
_USUAL_STATEMENT = 0.01


def expected_seconds(options: RlsOptions) -> float:
    """Return what a first round may take: both samples on both sides, in pairs."""
    executions = 4 * options.pairs
    usual = min(_USUAL_STATEMENT, options.statement_timeout.total_seconds())
    return executions * usual


def rank(
    each: Round, overdue: float, interval: timedelta, cost: UnitCost | None
) -> tuple[float, float]:
    """Return the urgency of a round that has been due for `overdue` seconds.

    First what was never probed, by its traffic; then by the time that policies
    take on the server, times the age of the figure.
    """
    rows_per_second = each.rows_per_second if isinstance(each, TableRound) else 0.0
    per_row = (cost.per_row or 0.0) if cost else 0.0
    intervals = 1 + overdue / interval.total_seconds()
    return intervals * (_LEAST + rows_per_second * per_row), rows_per_second
