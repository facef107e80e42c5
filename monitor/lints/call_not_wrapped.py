"""A policy calls a function for every row that it could call once.

## Meaning

A policy's expression contains a function call that depends on no column, such as
`auth.uid()`, outside a sub-select of its own. PostgreSQL evaluates it again for
each row it looks at. Inside `(select auth.uid())` it becomes an InitPlan and runs
once per statement, with the same result as long as the function is not VOLATILE.

## If ignored

Every statement on the table pays per row examined: measured on 100,000 rows, 20
times the time for `auth.uid()`, over 1,000 times for a helper that reads a table.

## How to look

    select c.relname, p.polname
    from pg_catalog.pg_policy as p
    join pg_catalog.pg_class as c on c.oid = p.polrelid
    order by c.relname, p.polname;

The view `pg_policies` shows their expressions.

## How to fix

Wrap the call in a sub-select, as the remedy does. Where the policy compares an
indexed column with a STABLE function the index is used either way and there is
little to gain. A VOLATILE function is also another finding: the remedy declares it
STABLE, which only somebody who knows it can say is right.

In the application: a statement that itself filters by the column that the policy
compares (`where user_id = $1`) lets PostgreSQL reject rows before it evaluates the
policy. That cannot be done in the database.

What wrapping would save is measured by `policy_rewrite`, where probes may run.

## How to silence

Set `thresholds.call_not_wrapped.enabled` to false, or mute the policy's finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Policy, Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.threshold import Parameters
from monitor.model.view import View
from monitor.rls.inventory import Inventory, inventory
from monitor.rls.rewriting import LOCK, rewrites
from monitor.sqltext import policy as syntax
from monitor.sqltext.rewrite import wrapped

UNIT = ""
SPLINTER = "0003_auth_rls_initplan"
SEVERITIES = (Severity.WARNING,)
NEEDS = (Catalog,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy with calls that are not wrapped."""
    for catalog in view.catalogs.values():
        known = inventory(view, catalog.datname)
        for policy in catalog.policies:
            relation = catalog.relations.get(policy.relid)
            if relation is None or not relation.has_rls:
                continue
            calls = _bare_calls(policy)
            if calls:
                by_catalog = _proposed(known, policy) if known else None
                remedy = by_catalog if known else _remedy(policy, relation)
                yield _finding(catalog.datname, relation, policy, calls, remedy)


def _bare_calls(policy: Policy) -> tuple[str, ...]:
    """Return the names of functions called per row without need, once each."""
    found = (
        f"{call.schema}.{call.name}" if call.schema else call.name
        for expression in (policy.using, policy.check)
        if expression
        for call in syntax.calls(expression)
        if not call.is_wrapped
        and call.arguments_are_constant
        and _is_costly(call.schema, call.name)
    )
    return tuple(dict.fromkeys(found))


def _is_costly(schema: str, name: str) -> bool:
    """Tell users' functions, printed with a schema, from the cheap built-in ones."""
    return (schema not in ("", "pg_catalog")) or name == "current_setting"


def _finding(
    datname: str,
    relation: Relation,
    policy: Policy,
    calls: tuple[str, ...],
    remedy: Remedy | None,
) -> Finding:
    table = qualified(relation.schemaname, relation.relname)
    return Finding(
        severity=Severity.WARNING,
        database=datname,
        object=ObjectRef(
            "policy", relation.schemaname, f"{relation.relname}.{policy.name}"
        ),
        summary=(
            f"policy {quote_ident(policy.name)} on table {table} calls "
            f"{' and '.join(f'{call}()' for call in calls)} for every row"
        ),
        evidence=tuple(_evidence(relation, policy)),
        unknowns=(
            "Whether the planner can use an index for it; then little is to be gained.",
            *(
                ()
                if remedy
                else ("The rewritten expression: it is not one for a machine.",)
            ),
        ),
        confidence="medium",
        remedy=remedy,
        value=max(relation.reltuples, 0.0),
    )


def _evidence(relation: Relation, policy: Policy) -> Iterator[Evidence]:
    if policy.using:
        yield Evidence("using", policy.using)
    if policy.check:
        yield Evidence("with check", policy.check)
    yield Evidence("rows of the table", max(round(relation.reltuples), 0), "tuples")
    compared = syntax.columns(policy.using or "")
    if compared:
        yield Evidence(
            "in the application",
            f"statements that filter by {' and '.join(map(quote_ident, compared))} "
            "themselves have rows rejected before the policy is evaluated",
        )


def _proposed(known: Inventory, policy: Policy) -> Remedy | None:
    """Return the remedy by what the catalog says of the functions."""
    for rewrite in rewrites(known, policy):
        if rewrite.rule in ("wrap_calls", "declare_stable"):
            return Remedy(
                sql=rewrite.sql, undo=rewrite.undo, lock=LOCK, risk=rewrite.risk
            )
    return None


def _remedy(policy: Policy, relation: Relation) -> Remedy | None:
    """Return the remedy by the expression alone, until the functions are read."""
    table = qualified(relation.schemaname, relation.relname)
    new = old = ""
    for keyword, expression in (("using", policy.using), ("with check", policy.check)):
        rewritten = wrapped(expression, _is_costly) if expression else None
        if rewritten is not None:
            new += f"\n    {keyword} ({rewritten})"
            old += f"\n    {keyword} ({expression})"
    if not new:
        return None
    head = f"set lock_timeout = '100ms';\nalter policy {quote_ident(policy.name)} on "
    return Remedy(
        sql=f"{head}{table}{new};",
        undo=f"{head}{table}{old};",
        lock="AccessExclusiveLock",
        risk=(
            "Waits for every statement on the table, and all later ones wait behind "
            "it: hence the lock_timeout; try again when it fails. A VOLATILE "
            "function would then be evaluated once per statement."
        ),
    )
