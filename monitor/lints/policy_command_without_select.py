"""A policy allows changes of rows that no policy shows.

## Meaning

A policy allows UPDATE or DELETE to a role for which the table has no permissive
policy for SELECT. A statement that reads a column, in WHERE or RETURNING, also needs
the row to be visible; there is none.

## If ignored

The role's statements succeed and change nothing, without an error. Only statements
that read no column at all, such as `update t set a = 1`, reach every allowed row.

## How to look

    select polrelid::regclass, polname, polcmd, polroles::regrole[]
    from pg_catalog.pg_policy
    order by polrelid, polname;

## How to fix

Add a policy for SELECT to the same roles, with the same condition if they should
see what they may change.

## How to silence

Set `thresholds.policy_command_without_select.enabled` to false, or mute the
policy's finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.lints.subject import Subject, in_force
from monitor.model.catalog import Catalog
from monitor.model.finding import Finding, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.WARNING,)
NEEDS = (Catalog, RoleAttributesRow)

_COMMANDS: Mapping[str, str] = {"w": "UPDATE", "d": "DELETE"}
_READING = ("r", "*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy whose roles see nothing."""
    roles = {row.rolname: row for row in view.rows(RoleAttributesRow)}
    subjects = [s for s in in_force(view) if s.policy.is_permissive]
    readers: dict[tuple[str, int], set[str]] = {}
    for subject in subjects:
        if subject.policy.command in _READING:
            readers.setdefault(_table(subject), set()).update(subject.policy.roles)
    for subject in subjects:
        if subject.policy.command in _COMMANDS:
            blind = tuple(_blind(subject, readers.get(_table(subject), set()), roles))
            if blind:
                yield _finding(subject, blind)


def _table(subject: Subject) -> tuple[str, int]:
    return subject.catalog.datname, subject.policy.relid


def _blind(
    subject: Subject, readers: set[str], roles: Mapping[str, RoleAttributesRow]
) -> Iterator[str]:
    """Yield the policy's roles to which no policy shows a row."""
    for role in subject.policy.roles:
        known = roles.get(role)
        if role == "public":
            # Some see nothing if the policies are for others; who, is not said here.
            is_blind = not readers
        else:
            privileges = known.privileges_of if known else (role,)
            is_blind = readers.isdisjoint({"public", *privileges})
        if is_blind and not (known and known.bypasses_rls):
            yield role


def _finding(subject: Subject, blind: tuple[str, ...]) -> Finding:
    names = " and ".join(map(quote_ident, blind))
    return Finding(
        severity=Severity.WARNING,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=(
            f"{subject.text} allows {_COMMANDS[subject.policy.command]} to {names}, "
            "to whom no policy shows a row"
        ),
        evidence=tuple(subject.evidence()),
    )
