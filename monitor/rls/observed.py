"""Which recorded statements ran under row level security, and how long they took.

The text of a policy never appears in pg_stat_statements, so the time is that of
the statements under the policies, not of the policies alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from monitor.model.rls import Guarded
from monitor.model.rls_observed import (
    Attribution,
    AttributionQuality,
    Observations,
    Observed,
)
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.rls.attribution import Attributor, Verdict, attributor
from monitor.rls.helper_time import helper_times

Place = tuple[Guarded, Attribution]
"""A table and role, and how it is known: what a running sum is kept for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What some statements did, and those that must be booked later.

    `waiting` are statements whose text, or whose database's policies, have not
    been read yet; they are not in `observations`.
    """

    observations: Observations
    waiting: tuple[StatementRow, ...] = ()


def observe(view: View) -> Observations:
    """Return what ran under policies over the check interval; empty across a reset.

    A statement whose text is not there yet counts as unknown.
    """
    delta = view.recent(StatementRow)
    if delta is None:
        return Observations()
    booking = book(view, delta.rows)
    known = booking.observations
    quality = combined(known.quality, *map(unknown, booking.waiting))
    return replace(
        known,
        window_seconds=delta.seconds,
        helpers=helper_times(view),
        quality=quality,
    )


def book(view: View, rows: Iterable[StatementRow]) -> Booking:
    """Attribute increases of statements to tables and roles.

    Left out are what functions ran inside (their caller's time has it), our own
    role, and databases that are not watched. Before PostgreSQL 14 what functions
    ran inside cannot be told from clients' statements. Source: pg_stat_statements.
    """
    judges = {name: attributor(view, name) for name in view.catalogs}
    account = _Account(view)
    for row in rows:
        datname = view.databases.get(row.dbid, "")
        role = view.roles.get(row.userid, "")
        is_foreign = row.toplevel and role != view.server.role
        if is_foreign and (datname in judges or not datname):
            account.take(row, role, judges.get(datname))
    return account.booking(judges)


@dataclass(slots=True)
class _Sum:
    calls: int = 0
    seconds: float = 0.0
    loose_calls: int = 0


@dataclass(slots=True)
class _Account:
    """Adds up what becomes of a row: booked under tables, unknown, or put off."""

    view: View
    sums: dict[tuple[str, int, str, Attribution], _Sum] = field(
        default_factory=lambda: defaultdict(_Sum)
    )
    waiting: list[StatementRow] = field(default_factory=list[StatementRow])
    unknown: list[StatementRow] = field(default_factory=list[StatementRow])
    known: _Sum = field(default_factory=_Sum)
    statements: int = 0
    contradictions: int = 0

    def take(self, row: StatementRow, role: str, judge: Attributor | None) -> None:
        text = self.view.texts.get(row.queryid)
        if judge is None or not role:
            self.waiting.append(row)
            return
        confirmed = self.view.probes.confirmed
        verdict = judge.verdict(text, row.queryid, role, confirmed)
        if verdict is not None:
            self.add(row, role, verdict, judge.datname)
        else:
            (self.waiting if text is None else self.unknown).append(row)

    def add(self, row: StatementRow, role: str, verdict: Verdict, datname: str) -> None:
        calls, seconds = row.calls_total, row.exec_time_seconds_total
        self.statements += 1
        self.contradictions += verdict.is_contradicted
        self.known.calls += calls
        self.known.seconds += seconds
        # Without a table where the server knows of one and the parser does not.
        for relid in verdict.guarded or ((0,) if verdict.is_subject else ()):
            total = self.sums[datname, relid, role, verdict.attribution]
            total.calls += calls
            total.seconds += seconds
            total.loose_calls += calls if verdict.is_loose else 0

    def booking(self, judges: Mapping[str, Attributor | None]) -> Booking:
        known = AttributionQuality(
            statements=self.statements,
            calls=self.known.calls,
            seconds=self.known.seconds,
            contradictions=self.contradictions,
        )
        observations = Observations(
            found=tuple(self._found(judges)),
            quality=combined(known, *map(unknown, self.unknown)),
        )
        return Booking(observations=observations, waiting=tuple(self.waiting))

    def _found(self, judges: Mapping[str, Attributor | None]) -> Iterator[Observed]:
        for (datname, relid, role, attribution), total in self.sums.items():
            judge = judges[datname]
            relation = judge.stock.catalog.relations.get(relid) if judge else None
            yield Observed(
                table=Guarded(
                    database=datname,
                    relid=relid,
                    schemaname=relation.schemaname if relation else "",
                    relname=relation.relname if relation else "",
                    role=role,
                ),
                attribution=attribution,
                calls=total.calls,
                seconds=total.seconds,
                loose_calls=total.loose_calls,
            )


def unknown(row: StatementRow) -> AttributionQuality:
    """Return what a statement counts that nothing is known of."""
    calls, seconds = row.calls_total, row.exec_time_seconds_total
    return AttributionQuality(
        statements=1,
        calls=calls,
        seconds=seconds,
        unknown_statements=1,
        unknown_calls=calls,
        unknown_seconds=seconds,
    )


def combined(*parts: AttributionQuality) -> AttributionQuality:
    """Return the sums of all figures."""
    return AttributionQuality(
        statements=sum(each.statements for each in parts),
        calls=sum(each.calls for each in parts),
        seconds=sum(each.seconds for each in parts),
        unknown_statements=sum(each.unknown_statements for each in parts),
        unknown_calls=sum(each.unknown_calls for each in parts),
        unknown_seconds=sum(each.unknown_seconds for each in parts),
        contradictions=sum(each.contradictions for each in parts),
    )


def accumulate(
    sums: Mapping[Place, Observed], found: Iterable[Observed]
) -> Mapping[Place, Observed]:
    """Return running sums with what was found since; they never decrease.

    Each increase must come exactly once.
    """
    added = dict(sums)
    for each in found:
        place = (each.table, each.attribution)
        added[place] = _added(added.get(place), each)
    return added


def _added(known: Observed | None, more: Observed) -> Observed:
    if known is None:
        return more
    return replace(
        known,
        calls=known.calls + more.calls,
        seconds=known.seconds + more.seconds,
        loose_calls=known.loose_calls + more.loose_calls,
    )
