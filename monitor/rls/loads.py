"""Which part of a table's statements is under policies, by role and by statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.rls import Guarded
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import StatementText, View
from monitor.rls.attribution import Attributor, Verdict, attributor


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLoad:
    """One statement of one role in the window: calls, and seconds of execution."""

    calls: int
    seconds: float


@dataclass(slots=True)
class Loads:
    """The statements that read a table, lately.

    `by_role` are those under its policies; `free_seconds` took those that no
    policy binds.
    """

    by_role: dict[str, list[StatementLoad]] = field(
        default_factory=dict[str, list[StatementLoad]]
    )
    free_seconds: float = 0.0

    def seconds_of(self, role: str) -> float:
        """Return how long a role's statements under the policies took."""
        return sum(load.seconds for load in self.by_role.get(role, ()))

    @property
    def bound_seconds(self) -> float:
        """Return how long all statements under the policies took."""
        return sum(map(self.seconds_of, self.by_role))

    @property
    def seconds(self) -> float:
        """Return how long all statements that read the table took."""
        return self.bound_seconds + self.free_seconds

    @property
    def share(self) -> float | None:
        """Return the bound part of the time; None without a statement."""
        return self.bound_seconds / self.seconds if self.seconds else None

    def share_of(self, role: str) -> float:
        """Return one role's part of the time, 0 without a statement."""
        return self.seconds_of(role) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLoads:
    """The loads of a database's tables by oid; `analysed` is a share of the time.

    The rest are statements whose text is not known or could not be parsed.
    """

    tables: Mapping[int, Loads]
    analysed: float

    def of(self, relid: int) -> Loads:
        """Return the load of a table; empty where nobody reads it."""
        return self.tables.get(relid) or Loads()


def database_loads(view: View, datname: str) -> DatabaseLoads | None:
    """Return who reads the tables under row level security.

    None across a reset, and while the policies are not known. Source:
    pg_stat_statements, over the check interval.
    """
    delta, judge = view.recent(StatementRow), attributor(view, datname)
    if delta is None or judge is None:
        return None
    tables: dict[int, Loads] = {}
    analysed = everything = 0.0
    for row in delta.rows:
        if view.databases.get(row.dbid) != datname:
            continue
        everything += row.exec_time_seconds_total
        role, text = view.roles.get(row.userid, ""), view.texts.get(row.queryid)
        verdict = judge.verdict(text, row.queryid, role, view.probes.confirmed)
        if role and verdict is not None:
            analysed += row.exec_time_seconds_total
            _add(tables, role, verdict, row)
    return DatabaseLoads(
        tables=tables, analysed=analysed / everything if everything else 1.0
    )


def _add(
    tables: dict[int, Loads], role: str, verdict: Verdict, row: StatementRow
) -> None:
    load = StatementLoad(calls=row.calls_total, seconds=row.exec_time_seconds_total)
    for relid in verdict.guarded:
        tables.setdefault(relid, Loads()).by_role.setdefault(role, []).append(load)
    for relid in verdict.reached - verdict.guarded:
        tables.setdefault(relid, Loads()).free_seconds += load.seconds


def tables_met(
    view: View, datname: str, text: str, role: str
) -> tuple[tuple[Guarded, str], ...]:
    """Return the tables whose policies an operator's text meets as a role.

    Each comes with its policy set.
    """
    judge = attributor(view, datname)
    if judge is None:
        return ()
    # Recorded statements have other ids than the hash of a text.
    listed = StatementText(queryid=hash(text), text=text)
    verdict = judge.verdict(listed, listed.queryid, role, {})
    relids = sorted(verdict.guarded if verdict else ())
    return tuple(
        (_guarded(judge, relid, role), judge.stock.policy_set(relid))
        for relid in relids
    )


def _guarded(judge: Attributor, relid: int, role: str) -> Guarded:
    relation = judge.stock.catalog.relations[relid]
    return Guarded(
        database=judge.datname,
        relid=relid,
        schemaname=relation.schemaname,
        relname=relation.relname,
        role=role,
    )
