"""Which roles recently used tables under RLS, bound by their policies or not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from monitor.model.catalog import Catalog
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.rls.attribution import attributor


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
    judge = attributor(view, catalog.datname)
    if delta is None or judge is None or not roles:
        return {}
    found: dict[tuple[str, int], Usage] = {}
    for row in delta.rows:
        role = view.roles.get(row.userid, "")
        is_here = view.databases.get(row.dbid) == catalog.datname
        if role not in roles or not is_here or not row.toplevel or not row.calls_total:
            continue
        text, confirmed = view.texts.get(row.queryid), view.probes.confirmed
        verdict = judge.verdict(text, row.queryid, role, confirmed)
        for relid in verdict.reached if verdict else ():
            before = found.get((role, relid), Usage())
            found[role, relid] = replace(
                before,
                calls=before.calls + row.calls_total,
                seconds=before.seconds + row.exec_time_seconds_total,
            )
    return found
