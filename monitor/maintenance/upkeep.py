"""What ANALYZE and VACUUM share: tables by their statistics, and who is in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from monitor.maintenance.case import Case
from monitor.model.action import Refusal
from monitor.model.catalog import Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.autovacuum_worker import AutovacuumRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View

_TABLES = frozenset({"r", "m"})


def tables(
    view: View, kind: str, is_due: Callable[[TableRow], bool]
) -> Iterator[Finding]:
    """Yield a subject per table whose statistics call for work, the neediest first.

    These findings are not published: the checks `stale_statistics` and
    `dead_tuples` have thresholds of their own.
    """
    for datname, catalog in view.catalogs.items():
        due = [row for row in view.rows(TableRow, datname) if is_due(row)]
        for row in sorted(due, key=_need, reverse=True):
            relation = catalog.relations.get(row.oid)
            if relation is not None and relation.kind in _TABLES:
                subject = _subject(relation, row, kind)
                yield replace(
                    subject, database=datname, check=kind, target=view.target.name
                )


def row_of(case: Case, relation: Relation) -> TableRow | None:
    """Return a table's statistics."""
    rows = case.view.rows(TableRow, case.finding.database)
    return next((row for row in rows if row.oid == relation.oid), None)


def obstacle(case: Case, relation: Relation) -> Refusal | None:
    """Return why a table cannot be worked on now, whatever it needs."""
    if case.view.server.is_standby:
        return case.refuse("standby", "A standby cannot be changed.")
    for worker in case.view.rows(AutovacuumRow):
        if (worker.datname, worker.relid) == (case.finding.database, relation.oid):
            return case.refuse(
                "autovacuum", f"Autovacuum (pid {worker.pid}) works on the table."
            )
    return None


def _need(row: TableRow) -> int:
    return row.n_dead_tup + row.n_mod_since_analyze


def _subject(relation: Relation, row: TableRow, kind: str) -> Finding:
    return Finding(
        severity=Severity.INFO,
        object=ObjectRef("table", relation.schemaname, relation.relname),
        summary=(
            f"table {qualified(relation.schemaname, relation.relname)} is due for "
            f"{kind.upper()}"
        ),
        evidence=(
            Evidence("live tuples", row.n_live_tup, "tuples"),
            Evidence("dead tuples", row.n_dead_tup, "tuples"),
            Evidence("changed since the last ANALYZE", row.n_mod_since_analyze),
        ),
    )
