"""Transaction ids run out unless old tuples are frozen.

## Meaning

The age of the oldest transaction id that is not frozen, in percent of the 2^31
there are, per database and for the tables that hold it back. At 100 percent the
server would lose data, so it stops taking writes shortly before.

## If ignored

The server refuses every command that needs a transaction id ("database is not
accepting commands that assign new transaction IDs") until VACUUM has frozen the
old tuples, which takes hours on large tables.

## How to look

    select datname, pg_catalog.age(datfrozenxid) as age
    from pg_catalog.pg_database
    order by age desc;

## How to fix

Autovacuum freezes by itself once `autovacuum_freeze_max_age` is passed. When ages
go on growing, something holds it back: see `xmin_horizon` and
`autovacuum_saturation`, and whether a table's freezing is switched off or keeps
being cancelled. Then vacuum the oldest tables by hand.

## How to silence

Do not. If this server is told to freeze later than usual, the warning level
follows `autovacuum_freeze_max_age` by itself.

## Thresholds

40 and 75 percent (0.86 and 1.6 billion): with the default settings freezing
starts at 9 percent, so 40 means that it has failed many times over, and 75 is
where `vacuum_failsafe_age` drops all politeness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.freezing import (
    TableAge,
    oldest_tables,
    percent_used,
    warning_percent,
)
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Levels, grade
from monitor.model.units import number
from monitor.model.view import View

UNIT = "percent"
NEEDS = (DatabaseRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Percent of transaction ids used up, and how many tables are named."""

    warning: float = 40
    critical: float = 75
    max_tables: float = 10


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per database and per table that is far from frozen."""
    warning = thresholds.warning
    for settings in view.rows(SettingsRow):
        warning = warning_percent(
            warning, thresholds.critical, settings.autovacuum_freeze_max_age
        )
    for row in view.rows(DatabaseRow):
        yield from _database(row, warning, thresholds)
    tables = oldest_tables(view, _age, warning)
    for table in islice(tables, int(thresholds.max_tables)):
        yield _table(table, thresholds)


def _age(row: SizeRow) -> int | None:
    return row.frozen_xid_age


def _database(
    row: DatabaseRow, warning: float, thresholds: Thresholds
) -> Iterator[Finding]:
    percent = percent_used(row.frozen_xid_age)
    severity = grade(percent, warning=warning, critical=thresholds.critical)
    if severity is None:
        return
    yield Finding(
        severity=severity,
        database=row.datname,
        object=ObjectRef("database", name=row.datname),
        summary=(
            f"database {quote_ident(row.datname)} has used {percent:.0f} % of its "
            f"transaction ids ({number(row.frozen_xid_age)})"
        ),
        evidence=(
            Evidence("age of datfrozenxid", row.frozen_xid_age, "transactions"),
            Evidence("share of the ids there are", round(percent / 100, 4), "ratio"),
        ),
        remedy=Remedy(
            sql=(
                "select oid::pg_catalog.regclass, pg_catalog.age(relfrozenxid)\n"
                "from pg_catalog.pg_class\n"
                "where relkind in ('r', 'm', 't')\n"
                "order by pg_catalog.age(relfrozenxid) desc\n"
                "limit 10;"
            ),
            risk="Reads only, in this database; shows which tables to vacuum first.",
        ),
        value=percent,
    )


def _table(table: TableAge, thresholds: Thresholds) -> Finding:
    percent = percent_used(table.age)
    is_critical = percent >= thresholds.critical
    relation = table.relation
    name = qualified(relation.schemaname, relation.relname)
    return Finding(
        severity=Severity.CRITICAL if is_critical else Severity.WARNING,
        database=table.datname,
        object=ObjectRef("table", relation.schemaname, relation.relname),
        summary=f"table {name} holds ids that are {number(table.age)} transactions old",
        evidence=(
            Evidence("age of relfrozenxid", table.age, "transactions"),
            Evidence("share of the ids there are", round(percent / 100, 4), "ratio"),
        ),
        remedy=Remedy(
            sql=f"vacuum (freeze, verbose) {name};",
            lock="ShareUpdateExclusiveLock",
            risk="Reads and rewrites all unfrozen pages: heavy I/O and WAL.",
        ),
        value=percent,
    )
