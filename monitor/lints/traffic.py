"""Which roles recently used which tables, by the statements that name them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from monitor.model.catalog import Catalog
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.sqltext.predicates import facts, finder


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Statements of one role that name one table, over the check interval."""

    calls: int = 0
    seconds: float = 0.0


def usage(
    view: View, catalog: Catalog, roles: Collection[str]
) -> Mapping[tuple[str, int], Usage]:
    """Return what roles did lately with tables under row level security.

    By role and oid of the table. A statement that cannot be parsed is not counted,
    nor is one inside a function. Nothing across a reset of the statistics.
    """
    delta = view.recent(StatementRow)
    guarded = {oid for oid, each in catalog.relations.items() if each.has_rls}
    if delta is None or not guarded or not roles:
        return {}
    find = finder(catalog)
    found: dict[tuple[str, int], Usage] = {}
    for row in delta.rows:
        role = view.roles.get(row.userid, "")
        is_here = view.databases.get(row.dbid) == catalog.datname
        if role not in roles or not is_here or not row.toplevel or not row.calls_total:
            continue
        recorded = view.texts.get(row.queryid)
        known = facts(recorded.text, find) if recorded and recorded.text else None
        for relid in guarded.intersection(known.relids if known else ()):
            before = found.get((role, relid), Usage())
            found[role, relid] = replace(
                before,
                calls=before.calls + row.calls_total,
                seconds=before.seconds + row.exec_time_seconds_total,
            )
    return found
