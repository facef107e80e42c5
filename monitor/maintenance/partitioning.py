"""What actions on partitions share: the table, its months, who looks after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from monitor.maintenance.case import Case
from monitor.model.action import Refusal, Statement
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.months import next_month
from monitor.model.quoting import qualified
from monitor.model.rows.partitions import PartitionsRow
from monitor.model.view import View

MONTH = "month"
PARTITION = "partition"
EXPORT = "export"
"""Names in the evidence; the executor finds there what to look at."""

REQUIRED = "required"
"""The value of `EXPORT` with which a month is not dropped unless it was exported."""


def platform_tables(view: View) -> Iterator[tuple[str, PartitionsRow]]:
    """Yield database and table for all that the platform's procedures look after."""
    for datname, rows in view.per_database(PartitionsRow):
        for row in rows:
            if row.is_platform:
                yield datname, row


def subject(
    view: View, datname: str, row: PartitionsRow, kind: str, month: date | None = None
) -> Finding:
    """Return a table, and a month of it, as what an action may be about.

    These findings are not published: the checks have thresholds of their own.
    """
    table = qualified(row.schemaname, row.relname)
    which = f" for {month:%Y-%m}" if month else ""
    return Finding(
        severity=Severity.INFO,
        object=ObjectRef("table", row.schemaname, row.relname),
        summary=f"table {table} is due for {kind.replace('_', ' ')}{which}",
        database=datname,
        evidence=(Evidence(MONTH, month.isoformat()),) if month else (),
        check=kind,
        target=view.target.name,
    )


def row_of(case: Case) -> PartitionsRow | None:
    """Return what is known of the partitions of the table that a case is about."""
    ref = case.finding.object
    for row in case.view.rows(PartitionsRow, case.finding.database):
        if (row.schemaname, row.relname) == (ref.schema, ref.name):
            return row
    return None


def month_in(case: Case) -> date:
    """Return the month that a case is about.

    Raises:
        ValueError: it is about none.
    """
    return date.fromisoformat(str(next(case.facts(MONTH), "")))


def obstacle(case: Case, row: PartitionsRow | None) -> Refusal | None:
    """Return why nothing is done with the partitions of a table at all."""
    for rule, reason, is_broken in (
        ("standby", "A standby cannot be changed.", case.view.server.is_standby),
        ("unknown", "The table's partitions cannot be seen.", row is None),
        (
            "partman",
            "pg_partman is installed: what it may manage is left to it.",
            row is not None and row.has_partman,
        ),
        (
            "not_platform",
            "Only the platform's tables have a procedure for it.",
            row is not None and not row.is_platform,
        ),
    ):
        if is_broken:
            return case.refuse(rule, reason)
    return None


def covered(row: PartitionsRow, month: date) -> str:
    """Return how a month lies in a table's partitions: `no`, `wholly` or `partly`."""
    since, until = f"{month} 00:00:00", f"{next_month(month)} 00:00:00"
    for lower, upper in zip(row.lowers, row.uppers, strict=True):
        if lower <= since and until <= upper:
            return "wholly"
        if lower < until and since < upper:
            return "partly"
    return "no"


def call(row: PartitionsRow, statement: Statement, months: Sequence[date]) -> Statement:
    """Return a statement with the table and some months as its literals."""
    table = qualified(row.schemaname, row.relname)
    return Statement(
        statement.template, literals=(table, *(month.isoformat() for month in months))
    )


def proof(*, is_required: bool) -> tuple[Evidence, ...]:
    """Return what tells the executor to look for an export first, if it has to."""
    return (Evidence(EXPORT, REQUIRED),) if is_required else ()
