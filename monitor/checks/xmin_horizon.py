"""Something old keeps VACUUM from removing dead tuples.

## Meaning

VACUUM may only remove what no snapshot can see any more. One finding per cause
names the oldest holder: a transaction, a prepared transaction, a replication
slot, or a standby with `hot_standby_feedback`. The figure is how many
transactions have started since its snapshot.

## If ignored

VACUUM runs, reads everything, and removes nothing: tables and indexes bloat
everywhere, also in other databases when a slot or standby is the cause, and
freezing stops, which ends in wraparound.

## How to look

    select pid, usename, state, pg_catalog.age(backend_xmin) as age, query
    from pg_catalog.pg_stat_activity
    where backend_xmin is not null
    order by age desc
    limit 10;

## How to fix

End the transaction, commit or roll back the prepared one, reconnect or drop the
slot, or find the long query on the standby.

## How to silence

Raise `thresholds.xmin_horizon.warning` and `.critical`, or mute the finding.

## Thresholds

10 and 100 million transactions: at 1,000 a second that is three hours and a day.
100 million is half of the default `autovacuum_freeze_max_age`: from 200 million
on, autovacuum starts freezing runs that cannot succeed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy
from monitor.model.quoting import quote_literal
from monitor.model.rows.xmin_horizon import HorizonRow
from monitor.model.threshold import Levels
from monitor.model.units import duration, number
from monitor.model.view import View

UNIT = "transactions"
NEEDS = (HorizonRow,)

_WORDS = {
    "transaction": "transaction",
    "prepared": "prepared transaction",
    "slot": "replication slot",
    "slot_catalog": "replication slot (catalog)",
    "standby_feedback": "standby with hot_standby_feedback",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Transactions since the holder's snapshot."""

    warning: float = 10_000_000
    critical: float = 100_000_000


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per cause whose oldest holder is old."""
    for row in view.rows(HorizonRow):
        severity = thresholds.severity(row.xmin_age)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef(row.cause, name=row.holder),
            summary=(
                f"{_WORDS[row.cause]} {row.holder} holds back VACUUM by "
                f"{number(row.xmin_age)} transactions{_since(row)}"
            ),
            evidence=tuple(_evidence(row)),
            remedy=_remedy(row),
            value=float(row.xmin_age),
        )


def _since(row: HorizonRow) -> str:
    return f", for {duration(row.age_seconds)}" if row.age_seconds is not None else ""


def _evidence(row: HorizonRow) -> Iterator[Evidence]:
    yield Evidence("xmin horizon held back", row.xmin_age, "transactions")
    if row.age_seconds is not None:
        yield Evidence("age of the holder", row.age_seconds, "seconds")


def _remedy(row: HorizonRow) -> Remedy:
    if row.cause == "prepared":
        return Remedy(
            sql=f"rollback prepared {quote_literal(row.holder)};",
            risk="Discards the prepared work; its coordinator may want it committed.",
        )
    if row.cause in ("slot", "slot_catalog"):
        slot = quote_literal(row.holder)
        return Remedy(
            sql=f"select pg_catalog.pg_drop_replication_slot({slot});",
            risk="Its consumer loses its place and must be set up again.",
        )
    if row.cause == "transaction" and row.holder.isdigit():
        return Remedy(
            sql=f"select pg_catalog.pg_terminate_backend({row.holder});",
            risk="The client loses its connection; its transaction is rolled back.",
        )
    return _look(row)


def _look(row: HorizonRow) -> Remedy:
    view = "replication" if row.cause == "standby_feedback" else "activity"
    return Remedy(
        sql=(
            "select pid, application_name, client_addr, backend_xmin\n"
            f"from pg_catalog.pg_stat_{view}\n"
            "where backend_xmin is not null\n"
            "order by pg_catalog.age(backend_xmin) desc;"
        ),
        risk="Reads only; shows which session holds the snapshot.",
    )
