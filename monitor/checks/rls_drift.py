"""Row level security is weaker, or different, than it was.

## Meaning

Somebody changed who sees which rows: row level security was switched off, FORCE
dropped, BYPASSRLS or superuser granted to a role; a table of an exposed schema is
open to roles of the API; a policy, its owner, a function it calls or the rights of a
view changed; an anonymous role was granted more. What was found when a database was
first seen is the accepted state; everything is compared with that.

A change that is taken back ends its finding. One that stands becomes the accepted
state after `keep_hours`, or at once when its finding is muted: a mute accepts this
very change, and the next one is a new finding.

## If ignored

A migration that switched protection off "for a moment" serves every row to everybody
until a customer notices.

## How to look

    select relname, relrowsecurity, relforcerowsecurity
    from pg_catalog.pg_class
    where relrowsecurity or relforcerowsecurity;

    select tablename, policyname, cmd, roles, qual, with_check
    from pg_catalog.pg_policies
    where schemaname = 'public';

## How to fix

If nobody meant it, run the statement of the finding: it restores the former state.
A function's former text is not kept; take it from the migrations. If it was meant,
mute the finding with the name of the release as its reason.

## How to silence

Mute the finding, which accepts the change. Set `thresholds.rls_drift.enabled` to
false where migrations run all day, and trust the lints then.

## Thresholds

`keep_hours`: a day is long enough to be read on the next morning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.model.baseline import Drift
from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.threshold import Parameters
from monitor.model.units import plural
from monitor.model.view import View

SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
NEEDS = (
    Catalog,
    ExposedRelationRow,
    PolicyFunctionRow,
    PolicyReferenceRow,
    RoleAttributesRow,
    ViewReferenceRow,
)

_SAID: Mapping[str, str] = {
    "rls_switched_off": "row level security of {} was switched off",
    "force_dropped": "row level security of {} no longer binds its owner",
    "owner_changed": "the owner of {} changed, whom its policies do not bind",
    "policy_created": "{} was added",
    "policy_dropped": "{} was dropped",
    "policy_changed": "{} was changed",
    "function_changed": "{}, which policies call, was changed",
    "view_rights_changed": "{} reads with other rights than before",
    "bypass_granted": "{} bypasses every policy now",
    "exposed_without_rls": "roles of the API reach every row of {}",
    "granted_to_anonymous": "{} was opened further to an anonymous role",
}
_CRITICAL = frozenset(
    {"rls_switched_off", "force_dropped", "bypass_granted", "exposed_without_rls"}
)
_LOCKING = frozenset({"bypass_granted", "granted_to_anonymous"})
_RISKS: Mapping[str, str] = {
    "exposed_without_rls": "Without a policy ordinary roles see no row afterwards.",
    "rls_switched_off": "Who relied on seeing all rows sees fewer.",
    "granted_to_anonymous": "Does not help where the privilege came through PUBLIC.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How long a change stands before it becomes the accepted state."""

    keep_hours: float = 24


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per change that is neither taken back nor accepted."""
    del thresholds
    for found in view.drifts.values():
        for drift in found:
            yield _finding(drift)
    for datname, left_out in view.drift_left_out.items():
        yield _cannot_watch(datname, left_out)


def _finding(drift: Drift) -> Finding:
    ref = drift.object
    return Finding(
        severity=Severity.CRITICAL if drift.kind in _CRITICAL else Severity.WARNING,
        database=drift.database,
        object=drift.place,
        summary=_SAID[drift.kind].format(f"{ref.type} {_name(ref)}"),
        evidence=tuple(_evidence(drift)),
        remedy=Remedy(
            sql=drift.sql,
            undo=drift.undo,
            lock="" if drift.kind in _LOCKING else "AccessExclusiveLock",
            risk=_RISKS.get(drift.kind, ""),
        )
        if drift.sql
        else None,
    )


def _name(ref: ObjectRef) -> str:
    return str(ref) if ref.schema else quote_ident(ref.name)


def _evidence(drift: Drift) -> Iterator[Evidence]:
    if drift.before:
        yield Evidence("before", drift.before)
    if drift.after:
        yield Evidence("after", drift.after)
    yield Evidence("first seen", drift.since.isoformat(timespec="seconds"))
    yield Evidence("accepted state of", drift.accepted.isoformat(timespec="seconds"))


def _cannot_watch(datname: str, left_out: int) -> Finding:
    return Finding(
        severity=Severity.INFO,
        database=datname,
        object=ObjectRef("database", name=datname),
        summary=(
            f"changes of row level security of {plural(left_out, 'relation')} of "
            f"database {quote_ident(datname)} are not watched"
        ),
        unknowns=("There are more relations than a baseline keeps.",),
    )
