"""Row level security is silently off for a role that owns the table.

## Meaning

The table has policies, and they do not bind its owner, nor roles that have the
owner's privileges through membership, unless FORCE ROW LEVEL SECURITY is set. Such a
role is one of the API's, or ran statements on the table lately.

## If ignored

The role sees and changes every row. For jobs of the owner that is meant; for an
application that connects as the owner the policies protect nothing.

## How to look

    select c.relname, pg_catalog.pg_get_userbyid(c.relowner), c.relforcerowsecurity
    from pg_catalog.pg_class as c
    where c.relrowsecurity;

## How to fix

Let the application use a role that does not own its tables. Or force the policies,
as the remedy does: then functions that run as the owner are bound, too, and a policy
that looks up its own table through one of them recurses.

## How to silence

Set `thresholds.table_not_forced.enabled` to false, or mute the table's finding where
only jobs run as the owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.lints.traffic import Usage, usage
from monitor.model.catalog import Catalog, Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog, RoleAttributesRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per table whose policies a role in use does not meet."""
    bound = {
        row.rolname: row
        for row in view.rows(RoleAttributesRow)
        if not row.bypasses_rls and row.rolname != view.server.role
    }
    for catalog in view.catalogs.values():
        with_policies = {policy.relid for policy in catalog.policies}
        used = usage(view, catalog, bound)
        for relid in sorted(with_policies):
            relation = catalog.relations.get(relid)
            if relation and relation.has_rls and not relation.forces_rls:
                yield from _judge(view, catalog, relation, bound, used)


def _judge(
    view: View,
    catalog: Catalog,
    relation: Relation,
    bound: Mapping[str, RoleAttributesRow],
    used: Mapping[tuple[str, int], Usage],
) -> Iterator[Finding]:
    owners = [r.rolname for r in bound.values() if relation.owner in r.privileges_of]
    api = [name for name in owners if name in view.target.rls.api_roles]
    active = [name for name in owners if (name, relation.oid) in used]
    names = sorted({*api, *active})
    if names:
        calls = sum(used[name, relation.oid].calls for name in active)
        yield _finding(catalog, relation, names, calls)


def _finding(
    catalog: Catalog, relation: Relation, names: list[str], calls: int
) -> Finding:
    table = qualified(relation.schemaname, relation.relname)
    who = " and ".join(map(quote_ident, names))
    return Finding(
        severity=Severity.INFO,
        database=catalog.datname,
        object=ObjectRef("table", relation.schemaname, relation.relname),
        summary=f"policies of table {table} do not bind {who}: it has no FORCE",
        evidence=(
            Evidence("owner", relation.owner),
            Evidence("calls by these roles, lately", calls, "calls"),
        ),
        remedy=Remedy(
            sql=f"alter table {table} force row level security;",
            undo=f"alter table {table} no force row level security;",
            lock="AccessExclusiveLock",
            risk="Jobs and functions that run as the owner are bound from then on.",
        ),
    )
