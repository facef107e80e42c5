"""What a rewrite of a policy would save, without altering the table.

The statement is timed as it is, as an imitation in which the present policies are
written out, and as one with the rewritten policy. The second tells whether the
third can be believed.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.errors import TargetError
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Saving
from monitor.probes import equivalence, imitating, login, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.transaction import Failure
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite
from monitor.rls.survey import size
from monitor.rls.trust import gainers


async def predict(
    pair: ProbePair,
    known: Inventory,
    rewrite: Rewrite,
    personas: Sequence[Persona],
    now: datetime,
) -> Saving:
    """Return a rewrite with the proof that it admits the same rows, and its benefit.

    `saved` of the result is None wherever something stands against it; `reason`
    says what.
    """
    rows, pages = size(known.catalog, rewrite.relation)
    relation = replace(rewrite.relation, reltuples=rows, relpages=pages)
    rewrite = replace(rewrite, relation=relation)
    concerned = tuple(p for p in personas if _concerns(known, rewrite, p))
    saving = _unproven(known, rewrite, concerned, now)
    if not concerned:
        return replace(saving, reason="no persona meets the policy")
    reason = await _danger(pair, known, rewrite, concerned)
    if reason:
        return replace(saving, reason=reason)
    saving = await _compared(pair, saving, rewrite, concerned)
    asking = next((p for p in concerned if _gains(rewrite, p, pair.options)), None)
    if saving.reason or asking is None:
        return replace(saving, reason=saving.reason or "no persona gains by it")
    return await imitating.timed(imitating.Case(pair, known, rewrite, asking), saving)


def _concerns(known: Inventory, rewrite: Rewrite, persona: Persona) -> bool:
    relid = rewrite.relation.oid
    applied = (
        policy.oid
        for command in ("select", "insert", "update", "delete")
        for policy in known.applicable(relid, persona.role, command)
    )
    return known.binds(relid, persona.role) and rewrite.policy.oid in applied


def _gains(rewrite: Rewrite, persona: Persona, options: RlsOptions) -> bool:
    """Say whether it is for this persona that the policy is rewritten."""
    is_anonymous = persona.role in options.anonymous_roles
    return is_anonymous == (rewrite.rule == "restrict_roles")


def _unproven(
    known: Inventory, rewrite: Rewrite, personas: Sequence[Persona], now: datetime
) -> Saving:
    return Saving(
        database=rewrite.datname,
        relid=rewrite.relation.oid,
        schemaname=rewrite.relation.schemaname,
        relname=rewrite.relation.relname,
        policy_name=rewrite.policy.name,
        rule=rewrite.rule,
        personas=tuple(p.name for p in personas),
        compared_rows=0,
        differing_rows=0,
        sql=rewrite.sql,
        undo=rewrite.undo,
        policy_set=known.policy_set(rewrite.relation.oid),
        at=now,
    )


async def _danger(
    pair: ProbePair, known: Inventory, rewrite: Rewrite, personas: Sequence[Persona]
) -> str:
    """Return whose code would run with rights that are not his; empty for nobody's."""
    foreign = next((p.name for p in personas if transaction.foreign_setting(p)), "")
    if foreign:
        return f'persona "{foreign}" sets what is not a claim'
    try:
        who = await login.read(pair.bypass)
    except TargetError:
        return "the bypass login could not be looked at"
    own = (who.name,) if who.may else ()
    closure = known.closure([rewrite.relation.oid], personas[0].role)
    gaining = gainers(known, closure, (*who.reach, *own))
    if gaining:
        return (
            f'"{gaining[0]}" wrote a part of the policies and would gain the rights '
            f'of the bypass login "{who.name}" if that evaluated them'
        )
    return ""


async def _compared(
    pair: ProbePair, saving: Saving, rewrite: Rewrite, personas: Sequence[Persona]
) -> Saving:
    """Return the saving with what comparing both forms showed."""
    seed = zlib.crc32(saving.policy_set.encode())
    for persona in personas:
        count = await equivalence.compare(pair, rewrite, persona, seed=seed)
        if isinstance(count, Failure):
            return replace(saving, reason=f"not compared: {count.reason}")
        saving = replace(
            saving,
            compared_rows=saving.compared_rows + count.compared,
            differing_rows=saving.differing_rows + count.differing,
        )
    if saving.differing_rows:
        return replace(saving, reason="it would admit other rows: refused")
    if not saving.compared_rows:
        return replace(saving, reason="the table has no rows to compare both forms on")
    return saving
