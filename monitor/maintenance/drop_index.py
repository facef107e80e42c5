"""Drop an index that nobody uses or that another one replaces.

DROP INDEX CONCURRENTLY blocks neither reads nor writes, but waits for transactions
that use the table; while it waits, VACUUM and ALTER TABLE wait behind it. One that is
interrupted leaves the index invalid, no longer used but still maintained: then it is
finished later. The undo builds the index again from its stored definition.

Never automatic unless both `modes.drop_index = auto` and `confirm_drop_index` say so,
and for unused indexes only after 30 days that include the end of a month.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import LiteralString

from monitor.maintenance.case import Case, named
from monitor.model.action import Action, Refusal, Statement
from monitor.model.catalog import Catalog, Index
from monitor.model.definition import concurrently
from monitor.model.droppable import (
    Veto,
    WindowRule,
    protections,
    usages,
    why_not_droppable,
)
from monitor.model.finding import Finding
from monitor.model.view import View

STATEMENT: LiteralString = "drop index concurrently {}"
LOCK = "ShareUpdateExclusiveLock"
CHECKS = ("unused_index", "duplicate_index", "redundant_index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long an index must have been unused before it is dropped."""

    min_window: timedelta = timedelta(days=30)
    needs_month_end: bool = True


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the findings that call an index superfluous."""
    del view, options
    return iter(named(findings, CHECKS))


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one index, or the rule that speaks against it."""
    case = Case(kind="drop_index", finding=finding, view=view)
    catalog, index = case.catalog, case.index()
    if view.server.is_standby:
        return case.refuse("standby", "A standby cannot be changed.")
    if catalog is None or index is None:
        return case.refuse("unknown", "The index is not in the catalog any more.")
    vetoes = _vetoes(case, catalog, index, options)
    if vetoes:
        return case.refuse(vetoes[0].rule, " ".join(veto.reason for veto in vetoes))
    undo = concurrently(index.definition)
    if not undo:
        return case.refuse("definition", "Its definition could not be read: no undo.")
    return case.act(
        index,
        Statement(STATEMENT, ((index.schemaname, index.indexrelname),)),
        LOCK,
        name=index.indexrelname,
        undo=Statement(stored=undo),
    )


def _vetoes(
    case: Case, catalog: Catalog, index: Index, options: Options
) -> tuple[Veto, ...]:
    if case.finding.check == "unused_index":
        rule = WindowRule(
            min_window=options.min_window, needs_month_end=options.needs_month_end
        )
        usage = usages(case.view, catalog.datname)(index)
        return why_not_droppable(index, catalog, usage, rule)
    return (*protections(index, catalog), *_uncovered(case, catalog, index))


def _uncovered(case: Case, catalog: Catalog, index: Index) -> Iterator[Veto]:
    """Object unless the index that takes over is there and valid."""
    other = catalog.indexes.get(case.oid("covering index oid"))
    if other is None or other.relid != index.relid or other.oid == index.oid:
        yield Veto("covering", "The index that would take over is gone.")
    elif not (other.is_valid and other.is_ready):
        yield Veto("covering", "The index that would take over is invalid.")
