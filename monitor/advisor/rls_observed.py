"""Which recorded statements ran under row level security, and how long they took.

The text of a policy never appears in pg_stat_statements, so the time is that of
the statements under the policies, not of the policies alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.model.catalog import Catalog, Relation
from monitor.model.report import RlsObservation
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.sqltext.predicates import facts, finder

MILLISECONDS = 1000.0


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    seconds: float = 0.0
    roles: set[str] = field(default_factory=set[str])


def observe(view: View) -> tuple[RlsObservation, ...]:
    """Return calls and time per table over the check interval.

    Counted are statements that name the table, by a role that its policies
    apply to: not superuser, not BYPASSRLS, and not the owner unless forced. A
    statement that cannot be parsed is not counted. Nothing across a reset.
    """
    delta = view.recent(StatementRow)
    if delta is None:
        return ()
    since = view.now - timedelta(seconds=delta.seconds)
    rows = [row for row in delta.rows if row.userid not in view.bypassing]
    found: list[RlsObservation] = []
    for datname, catalog in view.catalogs.items():
        local = [row for row in rows if view.databases.get(row.dbid) == datname]
        for relid, total in _sums(view, catalog, local).items():
            relation = catalog.relations[relid]
            found.append(
                RlsObservation(
                    database=datname,
                    schemaname=relation.schemaname,
                    tablename=relation.relname,
                    roles=tuple(sorted(total.roles)),
                    since=since,
                    calls=total.calls,
                    total_exec_time_ms=total.seconds * MILLISECONDS,
                )
            )
    return tuple(found)


def _sums(
    view: View, catalog: Catalog, rows: Collection[StatementRow]
) -> Mapping[int, _Sum]:
    sums: dict[int, _Sum] = {}
    guarded = {oid: r for oid, r in catalog.relations.items() if r.has_rls}
    if not guarded:
        return sums
    find = finder(catalog)
    for row in rows:
        recorded = view.texts.get(row.queryid)
        known = facts(recorded.text, find) if recorded and recorded.text else None
        role = view.roles.get(row.userid, "")
        if known is None or not role:
            continue
        for relation in _subject(guarded, known.relids, role):
            total = sums.setdefault(relation.oid, _Sum())
            total.calls += row.calls_total
            total.seconds += row.exec_time_seconds_total
            total.roles.add(role)
    return sums


def _subject(
    guarded: Mapping[int, Relation], relids: Collection[int], role: str
) -> Iterator[Relation]:
    """Yield the tables of a statement whose policies apply to this role."""
    for relid in relids:
        relation = guarded.get(relid)
        if relation is not None and (relation.forces_rls or relation.owner != role):
            yield relation
