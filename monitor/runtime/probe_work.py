"""Carries out one round of probes and enters what it brought."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.model.rls import COMBINED, ProbeStatus, StatementCost, UnitCost
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View
from monitor.probes.confirm import confirm
from monitor.probes.pair import ProbePair
from monitor.probes.saving import predict
from monitor.probes.statement import probe_statement
from monitor.probes.table import probe_table
from monitor.rls.loads import database_loads, tables_met
from monitor.rls.overheads import statement_overheads
from monitor.rls.rounds import (
    ConfirmRound,
    Round,
    SavingRound,
    StatementRound,
    TableRound,
)
from monitor.rls.survey import examined_per_second
from monitor.runtime.probe_book import ProbeBook, cost_key


async def carry_out(
    pair: ProbePair,
    chosen: Round,
    book: ProbeBook,
    view: View,
    now: Callable[[], datetime],
) -> ProbeStatus:
    """Do a round on open sessions; return how it went."""
    match chosen:
        case TableRound():
            return await _table(pair, chosen, book, view, now)
        case StatementRound():
            return await _statement(pair, chosen, book, view, now)
        case ConfirmRound():
            queryids = [queryid for queryid, _ in chosen.statements]
            answers = await confirm(
                pair.probe,
                chosen.statements,
                chosen.role,
                schemas=pair.options.exposed_schemas,
            )
            # What a lost connection left undecided can be asked again.
            asked = queryids if pair.is_open else [*answers]
            book.answers.take(chosen.database, chosen.role, asked, answers)
            return "ok" if pair.is_open else "error"
        case SavingRound():
            return await _saving(pair, chosen, book, now)


async def _table(
    pair: ProbePair,
    chosen: TableRound,
    book: ProbeBook,
    view: View,
    now: Callable[[], datetime],
) -> ProbeStatus:
    cost = await probe_table(
        pair,
        chosen.table,
        chosen.persona,
        pair.options,
        policy_set=chosen.policy_set,
        estimated_rows=chosen.rows,
        relpages=chosen.relpages,
        now=now(),
    )
    book.take_cost(cost)
    stands = book.cost(cost_key(cost)) if cost.status == "ok" else cost
    overheads = await asyncio.to_thread(_overheads, view, stands or cost)
    if overheads:
        book.add_overheads(chosen.table, chosen.policy_set, overheads)
    return cost.status


def _overheads(view: View, cost: UnitCost) -> list[float]:
    """Return what the policies add to the table's top statements of the role."""
    table = cost.table
    found = database_loads(view, table.database)
    delta = view.recent(TableRow, table.database)
    catalog = view.catalogs.get(table.database)
    if found is None or delta is None or catalog is None:
        return []
    loads = found.of(table.relid)
    rates = examined_per_second(view, catalog)
    rows = rates.get(table.relid, 0.0) * delta.seconds * loads.share_of(table.role)
    return [*statement_overheads(cost, rows, loads.by_role.get(table.role, ()))]


async def _statement(
    pair: ProbePair,
    chosen: StatementRound,
    book: ProbeBook,
    view: View,
    now: Callable[[], datetime],
) -> ProbeStatus:
    cost = await probe_statement(
        pair, chosen.statement, chosen.persona, pair.options, now()
    )
    book.take_statement(cost, chosen.policy_set)
    if cost.overhead is not None and cost.status == "ok":
        text, role = chosen.statement.sql, chosen.persona.role
        for table, policies in tables_met(view, chosen.database, text, role):
            book.add_overheads(table, policies, [cost.overhead])
    return cost.status


async def _saving(
    pair: ProbePair, chosen: SavingRound, book: ProbeBook, now: Callable[[], datetime]
) -> ProbeStatus:
    personas = pair.options.personas
    saving = await predict(pair, chosen.known, chosen.rewrite, personas, now())
    book.take_saving(saving)
    if saving.now_seconds is None:
        return "skipped" if pair.is_open else "error"
    return "ok" if saving.is_trusted else "unstable"


def note_failure(
    book: ProbeBook,
    chosen: Round,
    status: ProbeStatus,
    now: datetime,
    error: TargetError | None = None,
) -> None:
    """Enter a round that was given up, with why, in words of ours."""
    if isinstance(error, InsufficientPrivilege):
        status = "no_privilege"
    reason = error.message if error else "the round took too long"
    match chosen:
        case TableRound():
            book.take_cost(
                UnitCost(
                    table=chosen.table,
                    persona=chosen.persona.name,
                    policy_name=COMBINED,
                    policy_set=chosen.policy_set,
                    status=status,
                    reason=reason,
                    at=now,
                )
            )
        case StatementRound():
            cost = StatementCost(
                database=chosen.database,
                statement=chosen.statement.name,
                persona=chosen.persona.name,
                role=chosen.persona.role,
                status=status,
                reason=reason,
                at=now,
            )
            book.take_statement(cost, chosen.policy_set)
        case ConfirmRound() | SavingRound():
            pass
