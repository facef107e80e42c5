"""What changed in row level security between two inventories of a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from monitor.model.catalog import Policy, Relation
from monitor.model.finding import ObjectRef
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.rls.inventory import Inventory

ChangeKind = Literal[
    "rls_switched_off",
    "rls_switched_on",
    "force_dropped",
    "force_set",
    "owner_changed",
    "table_created",
    "policy_created",
    "policy_dropped",
    "policy_changed",
    "function_changed",
    "view_rights_changed",
    "bypass_granted",
    "bypass_revoked",
    "exposed_without_rls",
    "granted_to_anonymous",
]
T = TypeVar("T")

_COMMANDS: Mapping[str, str] = {
    "r": "select",
    "a": "insert",
    "w": "update",
    "d": "delete",
    "*": "all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change; `before` and `after` say it in words, empty where there is none.

    `relid` is the table that is concerned, 0 for roles and functions. `oid` is what
    changed itself: table, policy, function, view or role. `former` is the oid it had
    before, 0 if it is new: a policy that was dropped and made again is the same one.
    The name of a policy's object is `TABLE.POLICY`.
    """

    kind: ChangeKind
    object: ObjectRef
    oid: int = 0
    former: int = 0
    relid: int = 0
    before: str = ""
    after: str = ""


def changes(before: Inventory, after: Inventory) -> tuple[Change, ...]:
    """Return what changed; empty for two inventories that say the same.

    What is gone with its table or view is no change of its own. A role that is
    new counts only if it bypasses policies. Both must be of one database.
    """
    if before is after:
        return ()
    return (
        *_tables(before, after),
        *_policies(before, after),
        *_functions(before, after),
        *_views(before, after),
        *_roles(before, after),
    )


def _tables(before: Inventory, after: Inventory) -> Iterator[Change]:
    old = before.catalog.relations
    for relid, new in after.catalog.relations.items():
        known = old.get(relid)
        if known is new:
            continue
        if known is None:
            switch = _switch(is_on=new.has_rls)
            ref = _table(new)
            yield Change(
                kind="table_created", object=ref, oid=relid, relid=relid, after=switch
            )
        else:
            yield from _switches(known, new)


def _switches(old: Relation, new: Relation) -> Iterator[Change]:
    ref = _table(new)
    if old.has_rls != new.has_rls:
        yield Change(
            kind="rls_switched_on" if new.has_rls else "rls_switched_off",
            object=ref,
            oid=new.oid,
            former=new.oid,
            relid=new.oid,
            before=_switch(is_on=old.has_rls),
            after=_switch(is_on=new.has_rls),
        )
    if old.forces_rls != new.forces_rls:
        yield Change(
            kind="force_set" if new.forces_rls else "force_dropped",
            object=ref,
            oid=new.oid,
            former=new.oid,
            relid=new.oid,
            before="forced" if old.forces_rls else "not forced",
            after="forced" if new.forces_rls else "not forced",
        )
    if old.owner != new.owner:
        yield Change(
            kind="owner_changed",
            object=ref,
            oid=new.oid,
            former=new.oid,
            relid=new.oid,
            before=old.owner,
            after=new.owner,
        )


def _policies(before: Inventory, after: Inventory) -> Iterator[Change]:
    for old, new in _same_policies(before, after):
        policy = new or old
        relation = after.catalog.relations.get(policy.relid) if policy else None
        kind = _of_policy(old, new, is_same=_says_the_same(before, after, old, new))
        if policy is not None and relation is not None and kind is not None:
            yield Change(
                kind=kind,
                object=ObjectRef(
                    "policy",
                    relation.schemaname,
                    f"{relation.relname}.{policy.name}",
                ),
                oid=policy.oid,
                former=old.oid if old else 0,
                relid=relation.oid,
                before=_policy(old),
                after=_policy(new),
            )


def _same_policies(
    before: Inventory, after: Inventory
) -> Iterator[tuple[Policy | None, Policy | None]]:
    """Yield each policy as it was and is; None where there was or is none.

    It is the same one by its oid, else by its name on the same table.
    """
    new = {policy.oid: policy for policy in after.catalog.policies}
    named = {(policy.relid, policy.name): policy for policy in new.values()}
    known = {policy.oid for policy in before.catalog.policies}
    for old in sorted(before.catalog.policies, key=lambda policy: policy.oid):
        same = new.pop(old.oid, None)
        namesake = named.get((old.relid, old.name))
        if same is None and namesake is not None and namesake.oid not in known:
            same = new.pop(namesake.oid, None)
        yield old, same
    for policy in new.values():
        yield None, policy


def _of_policy(
    old: Policy | None, new: Policy | None, *, is_same: bool
) -> ChangeKind | None:
    if old is None or new is None:
        return "policy_created" if old is None else "policy_dropped"
    return None if is_same and old.name == new.name else "policy_changed"


def _says_the_same(
    before: Inventory, after: Inventory, old: Policy | None, new: Policy | None
) -> bool:
    """Say whether a policy's contents are equal; so is what has not been read."""
    first = before.references.get(old.oid) if old else None
    second = after.references.get(new.oid) if new else None
    return first is None or second is None or first.hash == second.hash


def _functions(before: Inventory, after: Inventory) -> Iterator[Change]:
    for old, new in _pairs(before.functions, after.functions):
        if old.hash != new.hash:
            ref = ObjectRef("function", new.schemaname, f"{new.name}({new.arguments})")
            yield Change(
                kind="function_changed",
                object=ref,
                oid=new.oid,
                former=old.oid,
                before=old.hash,
                after=new.hash,
            )


def _views(before: Inventory, after: Inventory) -> Iterator[Change]:
    for old, new in _pairs(before.views, after.views):
        rights = _rights(old), _rights(new)
        if rights[0] != rights[1]:
            yield Change(
                kind="view_rights_changed",
                object=ObjectRef("view", new.schemaname, new.relname),
                oid=new.oid,
                former=old.oid,
                relid=new.oid,
                before=rights[0],
                after=rights[1],
            )


def _roles(before: Inventory, after: Inventory) -> Iterator[Change]:
    for name, new in after.roles.items():
        old = before.roles.get(name)
        did_bypass = old is not None and old.bypasses_rls
        if new.bypasses_rls != did_bypass:
            kind = "bypass_granted" if new.bypasses_rls else "bypass_revoked"
            yield Change(
                kind=kind,
                object=ObjectRef("role", name=name),
                oid=new.oid,
                former=old.oid if old else 0,
                before=_standing(old),
                after=_standing(new),
            )


def _pairs(before: Mapping[int, T], after: Mapping[int, T]) -> Iterator[tuple[T, T]]:
    """Yield what both know, old and new."""
    for oid, new in after.items():
        if oid in before:
            yield before[oid], new


def _table(relation: Relation) -> ObjectRef:
    return ObjectRef("table", relation.schemaname, relation.relname)


def _switch(*, is_on: bool) -> str:
    return "row level security" if is_on else "no row level security"


def _policy(policy: Policy | None) -> str:
    """Describe a policy; its expressions, too, where they have been read."""
    if policy is None:
        return ""
    words = (
        policy.name,
        "permissive" if policy.is_permissive else "restrictive",
        f"for {_COMMANDS.get(policy.command, policy.command)}",
        f"to {', '.join(policy.roles)}",
        f"using {policy.using}" if policy.using else "",
        f"with check {policy.check}" if policy.check else "",
    )
    return " ".join(filter(None, words))


def _rights(seen: ViewReferenceRow) -> str:
    return "invoker's rights" if seen.is_invoker else f'rights of "{seen.owner}"'


def _standing(row: RoleAttributesRow | None) -> str:
    if row is None:
        return "no such role"
    if row.is_superuser:
        return "superuser"
    return "bypasses policies" if row.bypasses_rls else "bound by policies"
