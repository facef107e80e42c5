"""A policy could admit the same rows for less.

## Meaning

The policy's expression can be written so that every row it admits stays admitted and
no other is, and a statement takes less time. The finding says why both forms are the
same, on how many sampled rows and for which users they were compared, and, where
probes may run, how much a statement would save: it was timed under the policy as it
is, as an imitation with the policy written out, and as one with the rewritten
policy, without altering anything. A saving is published only if the imitation of the
present policy has the plan of the real one, its time within 30 %, and if the saving
is at least three times what the two differ by.

## If ignored

Every statement on the table keeps paying, by each row it looks at.

## How to look

    explain (analyze, verbose) select count(*) from the_schema.the_table;

as the role that requests use, with its claims set. A function in `Filter` is called
for each row, an `InitPlan` once, an `Index Cond` skips rows.

## How to fix

Put the statement given into a migration. ALTER POLICY takes an AccessExclusiveLock
for a moment; with the lock_timeout it gives up rather than hold up the table, and is
tried again. The inverse is given with it. pgvigil never applies it by itself. Where
it says that it needs a person's word, it rests on something the catalog does not
know, such as that a VOLATILE function could be STABLE.

In the application: a statement that filters by what the policy compares, such as
`where user_id = $1`, lets PostgreSQL reject rows before the policy is evaluated. No
policy can do that for it.

## How to silence

Set `thresholds.policy_rewrite.enabled` to false, or mute the policy's finding.

## Thresholds

A measured saving of `min_saving` milliseconds a statement is worth a finding, one of
`warning` is a warning. `call_not_wrapped` and `policy_volatile_function` find calls
per row without any probe, so a rewrite that only wraps calls is repeated here only
with a measured saving. What no lint proposes (a set instead of a sub-select per row,
naming the roles that a policy is for) is also found unmeasured, as information. A
missing index is found by `missing_index`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Policy
from monitor.model.finding import (
    Confidence,
    Evidence,
    Finding,
    ObjectRef,
    Remedy,
    Severity,
)
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rls import Saving
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.threshold import Parameters
from monitor.model.units import duration, number
from monitor.model.view import View
from monitor.rls.inventory import Inventory, inventory
from monitor.rls.rewriting import LOCK, Rewrite, rewrites

UNIT = "ms"
SEVERITIES = (Severity.WARNING, Severity.INFO)
NEEDS = (
    Catalog,
    PolicyReferenceRow,
    PolicyFunctionRow,
    ViewReferenceRow,
    RoleAttributesRow,
)

_MILLISECONDS = 1000.0
_FOUND_BY_LINTS = ("wrap_calls", "declare_stable")
_WHAT: Mapping[str, str] = {
    "wrap_calls": "calls functions for every row that it could call once",
    "declare_stable": "calls VOLATILE functions for every row",
    "use_set": "evaluates a sub-select for every row",
    "use_array": "compares with a set that no index can be searched for",
    "restrict_roles": "is evaluated for roles whose requests it can never admit",
}

_Key = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Milliseconds that a statement has to save."""

    min_saving: float = 0.5
    warning: float = 10.0


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per policy that a rewrite would make cheaper."""
    savings = {_key(each): each for each in view.probes.savings}
    for datname, catalog in view.catalogs.items():
        known = inventory(view, datname)
        for policy in catalog.policies if known else ():
            if known is not None:
                yield from _of_policy(view, known, policy, savings, thresholds)


def _key(saving: Saving) -> _Key:
    return saving.database, saving.relid, saving.policy_name, saving.rule


def _of_policy(
    view: View,
    known: Inventory,
    policy: Policy,
    savings: Mapping[_Key, Saving],
    thresholds: Thresholds,
) -> Iterator[Finding]:
    proposals = [
        (rewrite, _current(known, rewrite, savings))
        for rewrite in rewrites(known, policy, view.target.rls)
    ]
    kept = [(r, s) for r, s in proposals if s is None or not s.differing_rows]
    best = _best(kept)
    if best is not None:
        rewrite, saving = best
        if (saving.saved or 0.0) * _MILLISECONDS >= thresholds.min_saving:
            yield _finding(view, rewrite, saving, thresholds)
        return
    for rewrite, saving in kept:
        if rewrite.rule not in _FOUND_BY_LINTS:
            yield _finding(view, rewrite, saving, thresholds)
            return


def _current(
    known: Inventory, rewrite: Rewrite, savings: Mapping[_Key, Saving]
) -> Saving | None:
    """Return what was measured of a rewrite, unless the policies changed since."""
    relation = rewrite.relation
    key = (rewrite.datname, relation.oid, rewrite.policy.name, rewrite.rule)
    saving = savings.get(key)
    if saving is None or saving.policy_set != known.policy_set(relation.oid):
        return None
    return saving if saving.sql == rewrite.sql else None


def _best(
    kept: Sequence[tuple[Rewrite, Saving | None]],
) -> tuple[Rewrite, Saving] | None:
    """Return the rewrite that saves most; of equal ones the least intrusive."""
    measured = [(r, s) for r, s in kept if s is not None and s.saved is not None]
    return max(measured, key=lambda each: each[1].saved or 0.0, default=None)


def _finding(
    view: View, rewrite: Rewrite, saving: Saving | None, thresholds: Thresholds
) -> Finding:
    relation, policy = rewrite.relation, rewrite.policy
    saved = saving.saved if saving else None
    table = qualified(relation.schemaname, relation.relname)
    what = f"policy {quote_ident(policy.name)} on table {table} {_WHAT[rewrite.rule]}"
    worth = "" if saved is None else f": a statement would save {duration(saved)}"
    ms = None if saved is None else saved * _MILLISECONDS
    is_worse = ms is not None and ms >= thresholds.warning
    return Finding(
        severity=Severity.WARNING if is_worse else Severity.INFO,
        database=rewrite.datname,
        object=ObjectRef(
            "policy", relation.schemaname, f"{relation.relname}.{policy.name}"
        ),
        summary=what + worth,
        evidence=(*_forms(rewrite), *_proof(view, saving)),
        unknowns=tuple(_unknowns(rewrite, saving)),
        confidence=_confidence(rewrite, saving),
        remedy=Remedy(sql=rewrite.sql, undo=rewrite.undo, lock=LOCK, risk=rewrite.risk),
        value=ms,
    )


def _forms(rewrite: Rewrite) -> Iterator[Evidence]:
    policy = rewrite.policy
    yield Evidence("rule", rewrite.rule)
    for name, old, new in (
        ("using", policy.using, rewrite.using),
        ("with check", policy.check, rewrite.check),
    ):
        if old and old != new:
            yield Evidence(name, old)
            yield Evidence(f"{name}, rewritten", new)
    if policy.roles != rewrite.roles:
        yield Evidence("roles, rewritten", ", ".join(rewrite.roles))
    yield Evidence("why the same rows are admitted", rewrite.argument)


def _proof(view: View, saving: Saving | None) -> Iterator[Evidence]:
    """Yield what was compared and timed; the window is how long ago that was."""
    if saving is None or not saving.compared_rows:
        return
    age = view.now - saving.at
    yield Evidence("rows judged by both forms", saving.compared_rows, "tuples", age)
    yield Evidence("rows judged differently", saving.differing_rows, "tuples", age)
    yield Evidence("judged for", ", ".join(saving.personas))
    if saving.saved is None or saving.now_seconds is None:
        return
    yield Evidence("statement timed", saving.statement)
    for name, seconds in (
        ("time of a statement now", saving.now_seconds),
        ("its imitation with the present policies", saving.imitated_seconds),
        ("its imitation with the rewritten policy", saving.rewritten_seconds),
        ("saved per statement", saving.saved),
    ):
        if seconds is not None:
            yield Evidence(name, seconds, "seconds", age)


def _unknowns(rewrite: Rewrite, saving: Saving | None) -> Iterator[str]:
    if saving is None:
        yield (
            "What it would save: the benefit is not measured. Probes need personas "
            "and two logins (targets[].rls)."
        )
    elif saving.saved is None:
        yield f"What it would save: {saving.reason}."
    if rewrite.needs_human:
        yield "Whether it is right: somebody who knows the application has to say."
    if rewrite.check:
        rows = number(max(rewrite.relation.reltuples, 0.0))
        yield f"What writes would save: only reading the {rows} rows is timed."


def _confidence(rewrite: Rewrite, saving: Saving | None) -> Confidence:
    if rewrite.needs_human:
        return "low"
    if saving is None or not saving.compared_rows:
        return "medium"
    return "high"
