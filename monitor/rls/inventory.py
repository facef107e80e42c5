"""Policies, roles, functions and views of a database, and whom policies bind.

Everything here follows the server's own rules, so that what is said of a role is
what the rewriter would do. Source: check_enable_rls() and the manual's sections on
row security policies and on rules and privileges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from monitor.model.catalog import Catalog, Policy
from monitor.model.rls import Command
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.view import View

COMMANDS: tuple[Command, ...] = ("select", "insert", "update", "delete")
PUBLIC = "public"
"""Among a policy's roles: everyone. No role can have this name."""

_LETTERS: Mapping[Command, str] = {
    "select": "r",
    "insert": "a",
    "update": "w",
    "delete": "d",
}
_MATERIALIZED = "m"
MOST_KEPT = 1_000
"""Databases whose inventory is kept, over all targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What decides in one database whether, and which, policies are evaluated.

    `roles` are by name, `functions` and `views` by oid, `references` by the oid of
    the policy. A role that is not among `roles` is taken for an ordinary one.
    """

    catalog: Catalog
    roles: Mapping[str, RoleAttributesRow] = field(
        default_factory=dict[str, RoleAttributesRow]
    )
    functions: Mapping[int, PolicyFunctionRow] = field(
        default_factory=dict[int, PolicyFunctionRow]
    )
    views: Mapping[int, ViewReferenceRow] = field(
        default_factory=dict[int, ViewReferenceRow]
    )
    references: Mapping[int, PolicyReferenceRow] = field(
        default_factory=dict[int, PolicyReferenceRow]
    )
    _by_table: Mapping[int, tuple[Policy, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grouped: dict[int, list[Policy]] = {}
        for policy in self.catalog.policies:
            grouped.setdefault(policy.relid, []).append(policy)
        by_table = {relid: tuple(found) for relid, found in grouped.items()}
        object.__setattr__(self, "_by_table", by_table)

    def policies_of(self, relid: int) -> tuple[Policy, ...]:
        """Return a table's policies, in catalog order; in force only under RLS."""
        return self._by_table.get(relid, ())

    def binds(self, relid: int, role: str) -> bool:
        """Say whether a table's policies restrict what a role does with it.

        They do not while RLS is off, for superusers and BYPASSRLS, nor for who
        has the owner's privileges, unless they are forced. A table with RLS and
        no policy binds, too: it shows nothing.
        """
        relation = self.catalog.relations.get(relid)
        if relation is None or not relation.has_rls:
            return False
        known = self.roles.get(role)
        if known is not None and known.bypasses_rls:
            return False
        return relation.forces_rls or relation.owner not in self._privileges_of(role)

    def applicable(self, relid: int, role: str, command: Command) -> tuple[Policy, ...]:
        """Return the policies that count for a role and command if RLS binds it.

        A policy is meant for a role by name, through a membership that the role
        inherits, or for PUBLIC. Source: pg_policy.polroles, polcmd.
        """
        privileges = self._privileges_of(role)
        return tuple(
            policy
            for policy in self.policies_of(relid)
            if policy.command in ("*", _LETTERS[command])
            and (PUBLIC in policy.roles or not privileges.isdisjoint(policy.roles))
        )

    def closure(
        self,
        relids: Collection[int],
        role: str,
        commands: Collection[Command] = COMMANDS,
    ) -> frozenset[int]:
        """Return the tables whose policies are evaluated when a role names these.

        A view is read with its owner's rights, an invoker view with those of
        whoever runs the statement, however deep it lies; a materialized view
        holds its rows. The sub-selects of a policy are read with the rights that
        the policy was evaluated for. Partitions named through their parent, and
        children through theirs, are guarded by the parent's policies alone.
        """
        first = frozenset(commands)
        reading: frozenset[Command] = frozenset({"select"})
        pending = [(relid, role, first) for relid in relids]
        seen: set[tuple[int, str, frozenset[Command]]] = set()
        while pending:
            step = pending.pop()
            if step in seen:
                continue
            seen.add(step)
            relid, reader, wanted = step
            view = self.views.get(relid)
            if view is not None and view.kind != _MATERIALIZED:
                rights = role if view.is_invoker else view.owner
                pending.extend((each, rights, wanted) for each in view.relations)
            elif self.binds(relid, reader):
                read = self._read_by(relid, reader, wanted)
                pending.extend((each, reader, reading) for each in read)
        return frozenset(relid for relid, by, _ in seen if self.binds(relid, by))

    def policy_set(self, relid: int) -> str:
        """Return a hash of all that decides what a table's policies do and cost.

        It changes with the switches of RLS and FORCE, with any policy, and with
        the functions that policies call directly; not with oids or their order.
        """
        relation = self.catalog.relations.get(relid)
        switches = (relation.has_rls, relation.forces_rls) if relation else ()
        parts = sorted(self._contents(relid))
        text = "\n".join((str(switches), *parts))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _privileges_of(self, role: str) -> frozenset[str]:
        known = self.roles.get(role)
        return frozenset((role, *(known.privileges_of if known else ())))

    def _read_by(
        self, relid: int, role: str, commands: Collection[Command]
    ) -> Iterator[int]:
        """Yield what the policies that count for these commands read themselves."""
        for command in commands:
            for policy in self.applicable(relid, role, command):
                reference = self.references.get(policy.oid)
                yield from reference.relations if reference else ()

    def _contents(self, relid: int) -> Iterator[str]:
        for policy in self.policies_of(relid):
            reference = self.references.get(policy.oid)
            if reference is None:
                yield f"policy {policy.name}: not read"
                continue
            yield f"policy {policy.name}: {reference.hash}"
            for oid in reference.functions:
                function = self.functions.get(oid)
                if function is not None:
                    yield f"function {function.hash}"


_Parts = tuple[object, ...]
_kept: dict[tuple[str, str], tuple[_Parts, Inventory]] = {}


def inventory(view: View, datname: str) -> Inventory | None:
    """Return what is known of a database's policies; None while a part is unread.

    The same object as before while none of its parts changed.
    """
    catalog = view.catalogs.get(datname)
    kinds = (PolicyReferenceRow, PolicyFunctionRow, ViewReferenceRow)
    if catalog is None or not view.has(RoleAttributesRow):
        return None
    if not all(view.has(kind, datname) for kind in kinds):
        return None
    rows = (*(view.rows(kind, datname) for kind in kinds), view.rows(RoleAttributesRow))
    parts: _Parts = (catalog, *rows)
    key = (view.target.name, datname)
    kept = _kept.get(key)
    is_known = kept is not None and _is_same(kept[0], parts)
    made = kept[1] if kept is not None and is_known else _made(view, catalog)
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    # The newer rows in any case: the next comparison finds the same objects.
    _kept[key] = parts, made
    return made


def _made(view: View, catalog: Catalog) -> Inventory:
    datname = catalog.datname
    references = view.rows(PolicyReferenceRow, datname)
    return Inventory(
        catalog=catalog,
        roles={row.rolname: row for row in view.rows(RoleAttributesRow)},
        functions={row.oid: row for row in view.rows(PolicyFunctionRow, datname)},
        views={row.oid: row for row in view.rows(ViewReferenceRow, datname)},
        references={row.policy: row for row in references},
    )


def _is_same(before: _Parts, now: _Parts) -> bool:
    """Compare parts, by identity first: a catalog is the same object or another."""
    (catalog, *rows), (other, *others) = before, now
    return catalog is other and rows == others
