"""Statements as policies would have them, for a role that policies do not bind.

The planner sees an imitation's conditions as ordinary ones, so its plan may differ
from the real one; whether it does is for the trust rule to say.
"""

from __future__ import annotations

from monitor.model.catalog import Policy
from monitor.rls.inventory import Inventory
from monitor.rls.rewriting import Rewrite
from monitor.sqltext.inline import inlined


def imitation(
    inventory: Inventory, statement: str, role: str, rewrite: Rewrite | None = None
) -> str | None:
    """Return a statement with the policies that bind a role written into it.

    With a rewrite, as if that had been applied. None when the statement or a
    policy cannot be written so, or a policy's expression is not known.
    """
    conditions: dict[tuple[str, str], str] = {}
    for relation in inventory.catalog.relations.values():
        if inventory.binds(relation.oid, role):
            condition = _condition(inventory, relation.oid, role, rewrite)
            conditions[relation.schemaname, relation.relname] = condition or ""

    def guard(schema: str, name: str) -> str | None:
        return conditions.get((schema, name))

    return inlined(statement, guard)


def changed_policy(rewrite: Rewrite, role: str) -> str:
    """Return what a rewrite makes of its policy's USING for one role."""
    if rewrite.rule == "restrict_roles" and role not in rewrite.roles:
        return "false"
    return rewrite.using


def _condition(
    inventory: Inventory, relid: int, role: str, rewrite: Rewrite | None
) -> str | None:
    """Return what a row must meet; None while an expression is not known."""
    permissive: list[str] = []
    restrictive: list[str] = []
    for policy in inventory.applicable(relid, role, "select"):
        text = _using(policy, role, rewrite)
        if text is None:
            return None
        if text:
            (permissive if policy.is_permissive else restrictive).append(f"({text})")
    allowed = " or ".join(permissive) or "false"
    return " and ".join((*restrictive, f"({allowed})"))


def _using(policy: Policy, role: str, rewrite: Rewrite | None) -> str | None:
    if rewrite is not None and policy.oid == rewrite.policy.oid:
        return changed_policy(rewrite, role)
    return policy.using
