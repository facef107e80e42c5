"""Drop what an interrupted CREATE INDEX CONCURRENTLY or REINDEX left behind.

An invalid index is never used, yet may be maintained by every write. Only one that
enforces nothing is dropped, and never while a backend is building it. Automatic only
where the journal says that pgvigil itself left it behind; others need an approval.
The undo builds the index again, this time to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

from monitor.maintenance.case import Case, named
from monitor.model.action import Action, Refusal, Statement
from monitor.model.catalog import Catalog, Index
from monitor.model.definition import concurrently
from monitor.model.droppable import Veto, protections
from monitor.model.finding import Finding
from monitor.model.view import View

STATEMENT: LiteralString = "drop index concurrently {}"
LOCK = "ShareUpdateExclusiveLock"
CHECKS = ("invalid_index",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Nothing to set."""


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the findings about invalid indexes."""
    del view, options
    return iter(named(findings, CHECKS))


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one index, or the rule that speaks against it."""
    del options
    case = Case(kind="drop_invalid_index", finding=finding, view=view)
    catalog, index = case.catalog, case.index()
    if view.server.is_standby:
        return case.refuse("standby", "A standby cannot be changed.")
    if catalog is None or index is None:
        return case.refuse("unknown", "The index is not in the catalog any more.")
    for veto in _objections(catalog, index):
        return case.refuse(veto.rule, veto.reason)
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


def _objections(catalog: Catalog, index: Index) -> Iterator[Veto]:
    if index.is_valid:
        yield Veto("valid", "The index is valid by now.")
    for veto in protections(index, catalog):
        if veto.rule != "invalid":
            yield veto
    if index.is_unique and index.is_ready:
        yield Veto("unique", "It still enforces uniqueness: reindex it.")
