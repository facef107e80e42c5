"""A role that policies do not bind carries an application's statements.

## Meaning

A role with BYPASSRLS, and no superuser, ran statements on tables whose policies would
have bound it otherwise. They were not evaluated. Tables of its own and tables without
a policy do not count, nor do superusers, our own login and the role that is configured
for probes (`targets[].rls.bypass_role`).

## If ignored

Nothing, where a trusted service filters rows itself and nobody else has the role's
key. Where an application uses it for its users' requests the policies protect
nothing, and a test as an ordinary user will not show it.

## How to look

    select r.rolname, s.calls, s.query
    from pg_stat_statements as s
    join pg_catalog.pg_roles as r on r.oid = s.userid
    where r.rolbypassrls
    order by s.calls desc;

## How to fix

Let requests run as a role that policies bind, and keep the other for jobs. Statements
whose result does not depend on policies need no BYPASSRLS: grant what they need.

## How to silence

Mute the role's finding with the reason why it must see every row, or set
`thresholds.bypassrls_role_in_use.enabled` to false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.lints.traffic import Usage, usage
from monitor.model.catalog import Catalog, Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.WARNING,)
NEEDS = (Catalog, RoleAttributesRow)
NEEDS_RATES = (StatementRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per role and database."""
    ours = {view.server.role, view.target.rls.bypass_role}
    roles = {
        row.rolname: row
        for row in view.rows(RoleAttributesRow)
        if row.bypasses_rls and not row.is_superuser and row.rolname not in ours
    }
    for catalog in view.catalogs.values():
        guarded = {policy.relid for policy in catalog.policies}
        by_role: dict[str, dict[int, Usage]] = {}
        for (role, relid), used in usage(view, catalog, roles).items():
            if relid in guarded and not _owns(roles[role], catalog.relations[relid]):
                by_role.setdefault(role, {})[relid] = used
        for role, tables in sorted(by_role.items()):
            yield _finding(view, catalog, role, tables)


def _owns(role: RoleAttributesRow, table: Relation) -> bool:
    """Say whether policies would not bind a role without BYPASSRLS either."""
    return table.owner in role.privileges_of and not table.forces_rls


def _finding(
    view: View, catalog: Catalog, role: str, tables: dict[int, Usage]
) -> Finding:
    delta = view.recent(StatementRow)
    window = timedelta(seconds=delta.seconds) if delta else None
    relations = [catalog.relations[oid] for oid in tables]
    names = sorted(qualified(each.schemaname, each.relname) for each in relations)
    calls = sum(used.calls for used in tables.values())
    return Finding(
        severity=Severity.WARNING,
        database=catalog.datname,
        object=ObjectRef("role", "", role),
        summary=(
            f"role {quote_ident(role)} has BYPASSRLS and uses {' and '.join(names)}"
        ),
        evidence=(Evidence("calls", calls, "calls", window),),
        unknowns=("Whether the application filters rows itself.",),
        confidence="medium",
    )
