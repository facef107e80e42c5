"""Create an index that recorded statements, policies or foreign keys would use.

CREATE INDEX CONCURRENTLY blocks neither reads nor writes. It reads the table twice
and waits for every older transaction; one that is interrupted leaves an invalid index,
which is dropped again. The undo drops the index. Whether it pays is not costed here:
watch the statements on the table afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import LiteralString

from monitor.maintenance.case import Case, named
from monitor.model.action import Action, Refusal, Statement
from monitor.model.catalog import Catalog, Relation
from monitor.model.coverage import serving_index
from monitor.model.finding import Finding
from monitor.model.view import View

STATEMENT: LiteralString = "create index concurrently {} on {} ("
_KEY: LiteralString = "{}"
UNDO: LiteralString = "drop index concurrently {}"
LOCK = "ShareUpdateExclusiveLock"
CHECKS = ("missing_index", "foreign_key_without_index")

_FIRST_BROKEN, _FIRST_FIXED = 140000, 140004
"""Concurrent builds could corrupt the index in 14.0 to 14.3 (BUG #17485)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How large a table may be: building takes about as much disk as the index."""

    max_rows: float = 100_000_000


def subjects(
    view: View, findings: Sequence[Finding], options: Options
) -> Iterator[Finding]:
    """Yield the findings that ask for an index."""
    del view, options
    return iter(named(findings, CHECKS))


def plan(finding: Finding, view: View, options: Options) -> Action | Refusal:
    """Return the action for one index, or the rule that speaks against it."""
    case = Case(kind="create_index", finding=finding, view=view)
    catalog = case.catalog
    relation = catalog.relations.get(case.oid("table oid")) if catalog else None
    if catalog is None or relation is None:
        return case.refuse("unknown", "The table is not in the catalog any more.")
    name = next((str(each) for each in case.facts("index name")), "")
    columns = tuple(str(each) for each in case.facts("column"))
    for rule, reason, is_broken in (
        ("standby", "A standby cannot be changed.", view.server.is_standby),
        (
            "server_bug",
            "Concurrent builds can corrupt an index in 14.0 to 14.3: update first.",
            _FIRST_BROKEN <= view.server.version_num < _FIRST_FIXED,
        ),
        ("confidence", "The evidence is too thin.", finding.confidence == "low"),
        (
            "partitioned",
            "It takes one index for each partition, then attaching.",
            relation.kind != "r",
        ),
        ("too_large", "The table is too large.", relation.reltuples > options.max_rows),
        ("columns", "Its columns changed.", not _are_there(relation, columns)),
        ("name", "The name is taken.", _is_taken(catalog, relation, name)),
        (
            "served",
            "An index serves these columns by now.",
            serving_index(catalog.indexes_of(relation.oid), columns) is not None,
        ),
    ):
        if is_broken:
            return case.refuse(rule, reason)
    return _action(case, relation, name, columns)


def _action(
    case: Case, relation: Relation, name: str, columns: tuple[str, ...]
) -> Action:
    placeholders = ", ".join(_KEY for _ in columns)
    template = STATEMENT + placeholders + ")"
    table = (relation.schemaname, relation.relname)
    keys = tuple((column,) for column in columns)
    return case.act(
        relation,
        Statement(template, ((name,), table, *keys)),
        LOCK,
        name=name,
        undo=Statement(UNDO, ((relation.schemaname, name),)),
    )


def _are_there(relation: Relation, columns: tuple[str, ...]) -> bool:
    return bool(columns) and set(columns) <= set(relation.columns)


def _is_taken(catalog: Catalog, relation: Relation, name: str) -> bool:
    indexes = ((i.schemaname, i.indexrelname) for i in catalog.indexes.values())
    tables = ((r.schemaname, r.relname) for r in catalog.relations.values())
    return not name or (relation.schemaname, name) in {*indexes, *tables}
