"""Statements that take a change of row level security back, and make it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.model.catalog import Policy
from monitor.model.quoting import qualified, quote_ident
from monitor.rls.changes import Change, ChangeKind
from monitor.rls.inventory import PUBLIC, Inventory

Statements = tuple[str, str]
"""What takes a change back, and what makes it again; empty where unknown."""

NOTHING: Statements = ("", "")

_COMMANDS: Mapping[str, str] = {
    "r": "select",
    "a": "insert",
    "w": "update",
    "d": "delete",
    "*": "all",
}


def take_back(change: Change, before: Inventory, after: Inventory) -> Statements:
    """Return the statements for a change between two states."""
    make = _MAKERS.get(change.kind)
    return make(change, before, after) if make else NOTHING


def _switch(change: Change, _before: Inventory, _after: Inventory) -> Statements:
    alter = f"alter table {_name(change)}"
    return (
        f"{alter} enable row level security;",
        f"{alter} disable row level security;",
    )


def _force(change: Change, _before: Inventory, _after: Inventory) -> Statements:
    alter = f"alter table {_name(change)}"
    return (
        f"{alter} force row level security;",
        f"{alter} no force row level security;",
    )


def _owner(change: Change, _before: Inventory, _after: Inventory) -> Statements:
    alter = f"alter table {_name(change)} owner to"
    old, new = quote_ident(change.before), quote_ident(change.after)
    return f"{alter} {old};", f"{alter} {new};"


def _bypass(change: Change, _before: Inventory, after: Inventory) -> Statements:
    role = after.roles.get(change.object.name)
    word = "superuser" if role is not None and role.is_superuser else "bypassrls"
    alter = f"alter role {quote_ident(change.object.name)}"
    return f"{alter} no{word};", f"{alter} {word};"


def _grant(change: Change, _before: Inventory, _after: Inventory) -> Statements:
    role, _, privileges = change.after.rpartition(": ")
    what = f"{privileges} on {_name(change)}"
    return (
        f"revoke {what} from {quote_ident(role)};",
        f"grant {what} to {quote_ident(role)};",
    )


def _policy(change: Change, before: Inventory, after: Inventory) -> Statements:
    old, new = _find(before, change.former), _find(after, change.oid)
    relation = after.catalog.relations.get(change.relid)
    if relation is None:
        return NOTHING
    table = qualified(relation.schemaname, relation.relname)
    return _replace(table, new, old), _replace(table, old, new)


def _find(stock: Inventory, oid: int) -> Policy | None:
    return next((p for p in stock.catalog.policies if p.oid == oid), None)


def _replace(table: str, present: Policy | None, wanted: Policy | None) -> str:
    """Return what makes one policy of another; empty if one was never read."""
    create = _create(table, wanted) if wanted else ""
    if wanted and not create:
        return ""
    drop = f"drop policy {quote_ident(present.name)} on {table};" if present else ""
    if drop and create:
        return f"begin;\n{drop}\n{create}\ncommit;"
    return drop or create


def _create(table: str, policy: Policy) -> str:
    if policy.using is None or policy.check is None:
        return ""
    roles = ", ".join(r if r == PUBLIC else quote_ident(r) for r in policy.roles)
    parts = (
        f"create policy {quote_ident(policy.name)} on {table}",
        "" if policy.is_permissive else "as restrictive",
        f"for {_COMMANDS.get(policy.command, 'all')} to {roles}",
        f"using ({policy.using})" if policy.using else "",
        f"with check ({policy.check})" if policy.check else "",
    )
    return " ".join(filter(None, parts)) + ";"


def _name(change: Change) -> str:
    return qualified(change.object.schema, change.object.name)


_MAKERS: Mapping[ChangeKind, Callable[[Change, Inventory, Inventory], Statements]] = {
    "rls_switched_off": _switch,
    "exposed_without_rls": _switch,
    "force_dropped": _force,
    "owner_changed": _owner,
    "bypass_granted": _bypass,
    "granted_to_anonymous": _grant,
    "policy_created": _policy,
    "policy_dropped": _policy,
    "policy_changed": _policy,
}
