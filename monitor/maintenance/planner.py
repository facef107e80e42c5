"""Runs every kind of action over a view and its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from monitor import resources
from monitor.maintenance.policy import Permission, Policy, permit, refusal
from monitor.model.action import Action, ActionMode, JournalEntry, Refusal
from monitor.model.finding import Finding
from monitor.model.view import View

_ORDER = (
    "create_partition",
    "move_default_rows",
    "drop_invalid_index",
    "analyze",
    "vacuum",
    "create_index",
    "drop_index",
)
"""What helps at no risk comes first; kinds not named here follow."""


Plan = Callable[[Finding, View, Any], Action | Refusal]
Subjects = Callable[[View, Sequence[Finding], Any], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of action, found by its place. `page` is its docstring."""

    name: str
    title: str
    page: str
    lock: str
    options: type[Any]
    subjects: Subjects
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An action that may be proposed, and in which mode."""

    action: Action
    mode: ActionMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """What to propose now, in order, and what was refused and why."""

    proposals: tuple[Proposal, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The policy and, by kind, the options that differ from the defaults."""

    policy: Policy = field(default_factory=Policy)
    options: Mapping[str, object] = field(default_factory=dict[str, object])


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of action by name, in the order they are tried."""
    found = resources.modules("monitor.maintenance", "STATEMENT")
    names = sorted(found, key=lambda n: (_ORDER.index(n) if n in _ORDER else 99, n))
    return {name: _kind(name, found[name]) for name in names}


def agenda(
    view: View,
    findings: Sequence[Finding],
    choices: Choices,
    history: Sequence[JournalEntry],
) -> Agenda:
    """Return what to propose for a view; pure, so a dry run is this and no more.

    At most one index of a table is dropped at a time: the catalog that speaks for
    the second drop must have seen the first.
    """
    proposals: list[Proposal] = []
    refusals: list[Refusal] = []
    for outcome in _outcomes(view, findings, choices, history):
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        elif _drops_beside(outcome.action, proposals):
            reason = "Another index of the same table is to be dropped first."
            refusals.append(refusal(outcome.action, "one_at_a_time", reason))
        else:
            proposals.append(outcome)
    return Agenda(proposals=tuple(proposals), refusals=tuple(refusals))


def _outcomes(
    view: View,
    findings: Sequence[Finding],
    choices: Choices,
    history: Sequence[JournalEntry],
) -> Iterator[Proposal | Refusal]:
    for kind in kinds().values():
        if choices.policy.mode_of(kind.name) is ActionMode.OFF:
            continue
        options = choices.options.get(kind.name) or kind.options()
        for finding in kind.subjects(view, findings, options):
            planned = kind.plan(finding, view, options)
            if isinstance(planned, Refusal):
                yield planned
                continue
            allowed = permit(planned, choices.policy, history)
            if isinstance(allowed, Permission):
                yield Proposal(action=planned, mode=allowed.mode)
            else:
                yield allowed


def _drops_beside(action: Action, proposals: Sequence[Proposal]) -> bool:
    return action.kind == "drop_index" and any(
        other.action.kind == "drop_index"
        and other.action.database == action.database
        and _table(other.action) == _table(action)
        for other in proposals
    )


def _table(action: Action) -> object:
    return next((e.value for e in action.evidence if e.name == "table oid"), action.oid)


def _kind(name: str, module: ModuleType) -> Kind:
    return Kind(
        name=name,
        title=resources.title(module),
        page=(module.__doc__ or "").strip(),
        lock=module.LOCK,
        options=module.Options,
        subjects=module.subjects,
        plan=module.plan,
    )
