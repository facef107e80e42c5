"""What cannot be told about row level security, and why, in words."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.model.quoting import quote_ident
from monitor.model.rls import ProbeStatus, UnitCost
from monitor.model.rls_observed import AttributionQuality
from monitor.model.rls_report import TableReport
from monitor.model.view import View

_LITTLE = 0.01
_ENDED: dict[ProbeStatus, str] = {
    "unstable": "the rounds of the last probe differ too much",
    "skipped": "it was not probed",
    "timeout": "the last probe ran into its time limit",
    "no_privilege": "a login of the probe lacks a privilege",
    "error": "the last probe failed",
}


def of_target(view: View, quality: AttributionQuality) -> Iterator[str]:
    """Yield what is unknown of every table of a target."""
    for each in view.server.capabilities:
        if each.name == "statements" and not each.available:
            yield f"Time under policies: {each.reason}."
    if quality.seconds and quality.unknown_seconds > _LITTLE * quality.seconds:
        share = quality.unknown_seconds / quality.seconds
        yield f"Which policies {share:.0%} of the statements' time was under."
    if not view.target.rls.may_probe:
        yield (
            "What policies cost by themselves: no personas and logins are named for "
            "probes."
        )
    elif view.probes.paused:
        yield f"What policies cost since probes are paused: {view.probes.paused}."


def of_table(view: View, table: TableReport, *, is_hidden: bool) -> Iterator[str]:
    """Yield what is unknown of one table; `table` is complete but for this.

    `is_hidden` says that its planner statistics are.
    """
    if not table.policy_set:
        yield "Whom the policies bind: roles and functions have not been read yet."
    for policy in table.policies:
        if policy.using is None or policy.check is None:
            yield f"What policy {quote_ident(policy.name)} says: the table was locked."
    if table.has_rls:
        yield from _of_costs(view, table)
    if is_hidden:
        yield (
            "Bloat: row level security hides planner statistics from role "
            f"{quote_ident(view.server.role)}."
        )


def _of_costs(view: View, table: TableReport) -> Iterator[str]:
    if table.loads and not table.taxes:
        yield (
            "What statements cost without policies: no bypassing role ran the same "
            "ones lately, so there is no comparison."
        )
    for cost in last_costs(table):
        if cost.status != "ok":
            reason = cost.reason or _ENDED[cost.status]
            yield f"The cost per row for persona {cost.persona}: {reason}."
    if view.target.rls.may_probe and table.loads and not table.unit_costs:
        yield "The cost per row: these policies have not been probed yet."
    if table.estimate is not None and table.estimate.reason:
        yield f"The estimated time of policies: {table.estimate.reason}."


def last_costs(table: TableReport) -> tuple[UnitCost, ...]:
    """Return the last probe of a table for each persona, whatever came of it."""
    last: dict[str, UnitCost] = {}
    for cost in table.unit_costs:
        if cost.persona not in last or last[cost.persona].at < cost.at:
            last[cost.persona] = cost
    return tuple(last.values())
