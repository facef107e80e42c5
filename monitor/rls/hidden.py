"""Tables whose planner statistics row level security hides from the monitor."""

from __future__ import annotations

from monitor.model.catalog import Relation
from monitor.model.rows.relation_size import SizeRow
from monitor.model.view import View
from monitor.rls.inventory import inventory

_WITH_ROWS = ("r", "m")


def hidden_statistics(view: View, datname: str) -> tuple[Relation, ...]:
    """Return tables of which pg_stats shows our role nothing, in order of oid.

    Only those that were looked at, and that nothing else tells about: a superuser,
    BYPASSRLS or monitoring.planner_stats(). Source: pg_stats, row_security_active.
    """
    known = inventory(view, datname)
    if known is None:
        return ()
    catalog = known.catalog
    found = [
        catalog.relations[row.oid]
        for row in view.rows(SizeRow, datname)
        if row.estimated_bytes is None and row.oid in catalog.relations
    ]
    hidden = (
        relation
        for relation in found
        if relation.kind in _WITH_ROWS
        # Before its first ANALYZE a table has no statistics that could be hidden.
        and relation.reltuples >= 0
        and known.binds(relation.oid, view.server.role)
    )
    return tuple(sorted(hidden, key=lambda relation: relation.oid))
