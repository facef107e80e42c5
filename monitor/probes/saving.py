"""What a rewrite of a policy would save, without altering the table.

The statement is timed as it is, as an imitation in which the present policies are
written out, and as one with the rewritten policy. The second tells whether the
third can be believed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.errors import TargetError
from monitor.model.persona import Persona, RlsOptions
from monitor.model.quoting import qualified
from monitor.model.rls import Saving
from monitor.probes import equivalence, login, recorded, transaction
from monitor.probes.pair import ProbePair
from monitor.probes.transaction import Execution, Failure
from monitor.rls.imitation import imitation
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite
from monitor.rls.trust import distrust, gainers, shape
from monitor.sqltext.predicates import relations

_MOST_LIMITS = 8
"""How many time limits the pairs of one statement may take together."""

_FEWEST_ROWS = 100
_Three = tuple[Execution, Execution, Execution]
"""The real statement, its imitation, and the one with the rewritten policy."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One statement in its three forms."""

    statement: str
    as_now: str
    rewritten: str


@dataclass(frozen=True, slots=True)
class _Case:
    """All that the timing of one rewrite for one persona takes."""

    pair: ProbePair
    known: Inventory
    rewrite: Rewrite
    persona: Persona

    @property
    def options(self) -> RlsOptions:
        """Return the bounds of the probe."""
        return self.pair.options

    async def real(self, text: str) -> Execution | Failure:
        """Time a statement as the persona, under the present policies."""
        guise = transaction.as_persona(self.persona, self.options.exposed_schemas)
        return await transaction.timed(
            self.pair.probe,
            guise,
            recorded.timed("probe_saving", text),
            seconds=self.pair.seconds,
        )

    async def imitated(self, text: str) -> Execution | Failure:
        """Time an imitation, with all rows in sight."""
        return await transaction.timed(
            self.pair.bypass,
            equivalence.bypassing_as(self.persona, self.options),
            recorded.timed("probe_saving", text),
            seconds=self.pair.seconds,
        )


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
    concerned = tuple(p for p in personas if _concerns(known, rewrite, p))
    saving = _unproven(known, rewrite, concerned, now)
    if not concerned:
        return replace(saving, reason="no persona meets the policy")
    reason = await _danger(pair, known, rewrite, concerned)
    if reason:
        return replace(saving, reason=reason)
    saving = await _compared(pair, saving, rewrite, concerned)
    timed = next((p for p in concerned if _gains(rewrite, p, pair.options)), None)
    if saving.reason or timed is None:
        return replace(saving, reason=saving.reason or "no persona gains by it")
    return await _timed(_Case(pair, known, rewrite, timed), saving)


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


async def _timed(case: _Case, saving: Saving) -> Saving:
    """Return the saving with times, of the first statement that gives believable ones.

    Samples are for tables that cannot be counted in time: what is saved on them is
    the least that a statement on the whole table saves.
    """
    reason = "no statement that reads the table can be imitated"
    for statements in (_whole(case), _samples(case)):
        measured: Saving | None = None
        for trial in _trials(case, statements):
            found = await _measured(case, trial, saving)
            if isinstance(found, Failure):
                reason = found.reason
            elif found.is_trusted:
                return found
            else:
                measured = measured or found
        if measured is not None:
            return measured
    return replace(saving, reason=f"not timed: {reason}")


def _trials(case: _Case, statements: Iterable[str]) -> Iterator[_Trial]:
    for statement in statements:
        as_now = imitation(case.known, statement, case.persona.role)
        new = imitation(case.known, statement, case.persona.role, case.rewrite)
        if as_now is not None and new is not None and as_now != new:
            yield _Trial(statement, as_now, new)


def _whole(case: _Case) -> Iterator[str]:
    """Yield what reads the table: listed statements, then the count of its rows."""
    table = case.rewrite.relation
    for listed in case.options.statements:
        read = relations(listed.sql) or ()
        is_here = listed.database == case.rewrite.datname
        if is_here and (table.schemaname, table.relname) in read:
            yield listed.sql
    yield _count(case)


def _samples(case: _Case) -> Iterator[str]:
    """Yield counts of ever fewer rows."""
    all_rows = case.rewrite.relation.reltuples
    for rows in (case.options.large_sample, case.options.small_sample, _FEWEST_ROWS):
        if all_rows > rows:
            sample = f"pg_catalog.system ({100.0 * rows / all_rows:.6f})"
            yield f"{_count(case)} tablesample {sample} repeatable (1)"


def _count(case: _Case) -> str:
    table = case.rewrite.relation
    name = qualified(table.schemaname, table.relname)
    return f"select pg_catalog.count(*) from {name}"  # noqa: S608 - quoted


async def _measured(case: _Case, trial: _Trial, saving: Saving) -> Saving | Failure:
    """Time the three forms in turn; the least of each is what it takes."""
    best: _Three | None = None
    spent, limit = 0.0, case.options.statement_timeout.total_seconds() * _MOST_LIMITS
    for _ in range(case.options.pairs):
        round_ = await _once(case, trial)
        if isinstance(round_, Failure):
            return round_
        best = round_ if best is None else _faster(best, round_)
        spent += sum(each.seconds for each in round_)
        if spent > limit:
            break
    if best is None:
        return Failure("skipped", "no pairs are configured")
    real, as_now, new = best
    seconds = (real.seconds, as_now.seconds, new.seconds)
    reason = distrust(shape(real.plan), shape(as_now.plan), seconds)
    return replace(
        saving,
        statement=trial.statement,
        now_seconds=real.seconds,
        imitated_seconds=as_now.seconds,
        rewritten_seconds=new.seconds,
        is_trusted=not reason,
        reason=reason,
    )


async def _once(case: _Case, trial: _Trial) -> _Three | Failure:
    real = await case.real(trial.statement)
    if isinstance(real, Failure):
        return real
    as_now = await case.imitated(trial.as_now)
    if isinstance(as_now, Failure):
        return as_now
    rewritten = await case.imitated(trial.rewritten)
    if isinstance(rewritten, Failure):
        return rewritten
    return real, as_now, rewritten


def _faster(best: _Three, other: _Three) -> _Three:
    one, two, three = (
        min(pair, key=lambda each: each.seconds)
        for pair in zip(best, other, strict=True)
    )
    return one, two, three
