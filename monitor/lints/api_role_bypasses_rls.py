"""A role of the API is not bound by row level security at all.

## Meaning

A role that requests run as has BYPASSRLS, or is a superuser. No policy of any table
applies to it.

## If ignored

Whatever the role was granted, its requests see and change every row.

## How to look

    select rolname, rolsuper, rolbypassrls
    from pg_catalog.pg_roles
    where rolsuper or rolbypassrls;

## How to fix

Take the attribute away, as the remedy does, and let trusted services use a role of
their own. Which roles are the API's is the setting `targets[].rls.api_roles`.

## How to silence

Set `thresholds.api_role_bypasses_rls.enabled` to false, or mute the role's finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.CRITICAL,)
NEEDS = (RoleAttributesRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per role of the API that policies do not bind."""
    for row in view.rows(RoleAttributesRow):
        if row.bypasses_rls and row.rolname in view.target.rls.api_roles:
            yield _finding(row)


def _finding(row: RoleAttributesRow) -> Finding:
    name = quote_ident(row.rolname)
    what = "is a superuser" if row.is_superuser else "has BYPASSRLS"
    attribute = "superuser" if row.is_superuser else "bypassrls"
    return Finding(
        severity=Severity.CRITICAL,
        object=ObjectRef("role", "", row.rolname),
        summary=f"role {name} of the API {what}: no policy applies to its requests",
        evidence=(
            Evidence("superuser", "yes" if row.is_superuser else "no"),
            Evidence("may log in", "yes" if row.can_login else "no"),
        ),
        remedy=Remedy(
            sql=f"alter role {name} no{attribute};",
            undo=f"alter role {name} {attribute};",
            lock="none",
            risk="Requests that relied on seeing every row see what policies allow.",
        ),
    )
