"""Row level security per table: is it on, and which policies apply to whom.

Source: pg_class, pg_policy, as the catalog cache has them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Policy, Relation
from monitor.model.listing import identity
from monitor.model.view import View

COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEntry:
    """One policy; `using` and `check` are None where it has none or was locked."""

    name: str
    command: str
    is_permissive: bool
    roles: tuple[str, ...]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsEntry:
    """One table that has row level security, policies, or both.

    Policies without `has_rls` do nothing; `has_rls` without policies shows an
    ordinary role nothing. `forces_rls` includes the owner.
    """

    id: str
    target: str
    database: str
    schema: str
    name: str
    owner: str
    has_rls: bool
    forces_rls: bool
    policies: tuple[PolicyEntry, ...]


def rls(view: View) -> Iterator[RlsEntry]:
    """Yield the tables that row level security concerns, by name."""
    for datname, catalog in sorted(view.catalogs.items()):
        by_table: dict[int, list[Policy]] = defaultdict(list)
        for policy in catalog.policies:
            by_table[policy.relid].append(policy)
        concerned = (
            relation
            for oid, relation in catalog.relations.items()
            if relation.has_rls or oid in by_table
        )
        place = (view.target.name, datname)
        for relation in sorted(concerned, key=lambda r: (r.schemaname, r.relname)):
            yield _entry(place, relation, by_table[relation.oid])


def _entry(
    place: tuple[str, str], relation: Relation, policies: list[Policy]
) -> RlsEntry:
    return RlsEntry(
        id=identity(*place, relation.schemaname, relation.relname),
        target=place[0],
        database=place[1],
        schema=relation.schemaname,
        name=relation.relname,
        owner=relation.owner,
        has_rls=relation.has_rls,
        forces_rls=relation.forces_rls,
        policies=tuple(
            PolicyEntry(
                name=policy.name,
                command=COMMANDS.get(policy.command, policy.command),
                is_permissive=policy.is_permissive,
                roles=policy.roles,
                using=policy.using,
                check=policy.check,
            )
            for policy in sorted(policies, key=lambda p: (p.command, p.name))
        ),
    )
