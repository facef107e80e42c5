"""Keeps reports in schema `monitoring` and reads the thresholds edited there.

The only module that writes into that schema, the journal of actions aside. It uses
whatever session it is given, one transaction a report, and one statement for any
number of rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from monitor.model.alert import Alert
from monitor.model.finding import Evidence, TrackedFinding
from monitor.model.report import (
    IndexAdvice,
    ReportKind,
    RlsObservation,
    Sample,
    index_advice,
)
from monitor.model.server import Pooler
from monitor.model.text import clean_text
from monitor.model.threshold import EditedThreshold
from monitor.postgres import alert_history
from monitor.postgres import store_statements as statements
from monitor.postgres.deadline import GRACE_SECONDS, bounded
from monitor.postgres.request import Request
from monitor.postgres.session import Session
from monitor.postgres.translate import translate

T = TypeVar("T")

# Not escaped: an SQL_ASCII database cannot read escapes.
_dumps = partial(json.dumps, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Who reports, when, and how long that is to count as current."""

    target: str
    at: datetime
    valid_for: timedelta


class Store:
    """Writes to and reads from one control database. Failures are TargetErrors."""

    def __init__(self, session: Session, *, seconds: float = 10.0) -> None:
        self._session = session
        self._seconds = seconds

    async def save_samples(self, report: Report, samples: Iterable[Sample]) -> None:
        """Add figures; none is a report, too: all is within the levels."""
        await self._save(
            report, "samples", statements.SAMPLES, [_sample(s) for s in samples]
        )

    async def save_findings(
        self, report: Report, findings: Iterable[TrackedFinding]
    ) -> None:
        """Take over a target's findings; those not among them are resolved."""
        await self._save(
            report, "findings", statements.FINDINGS, [_finding(f) for f in findings]
        )

    async def save_advice(
        self, report: Report, findings: Iterable[TrackedFinding]
    ) -> None:
        """Take over a target's proposals of indexes; others are resolved."""
        await self._save(
            report,
            "advice",
            statements.ADVICE,
            [_advice(a) for a in index_advice(findings)],
        )

    async def save_rls_observations(
        self, report: Report, observations: Iterable[RlsObservation]
    ) -> None:
        """Add the times of statements under policies."""
        await self._save(
            report,
            "rls_observations",
            statements.RLS_OBSERVATIONS,
            [_observation(o) for o in observations],
        )

    async def save_alerts(self, report: Report, alerts: Iterable[Alert]) -> None:
        """Add what fires and what was resolved lately to the history.

        What fired before and is not among them was resolved unseen.
        """
        rows = [alert_history.row(a) for a in alerts if a.fired_at is not None]
        await self._save(report, "alerts", alert_history.STATEMENT, rows)

    async def thresholds(self) -> tuple[EditedThreshold, ...]:
        """Return all rows of performance_thresholds.

        Those without `updated_by` are as shipped and count for nothing.
        """
        request = Request(
            name="performance_thresholds",
            sql=statements.THRESHOLDS,
            row=EditedThreshold,
        )
        reply = await self._session.run(request, seconds=self._seconds)
        return tuple(row for row in reply.rows if isinstance(row, EditedThreshold))

    async def prune(self, keep: timedelta, *, batch: int = 5000) -> int:
        """Delete reports older than `keep` and return how many rows went.

        At most `batch` of each table: repeat while the number is not 0. Open
        findings and the journal stay.
        """
        return await self._write(self._prune(keep, batch))

    async def _save(
        self,
        report: Report,
        kind: ReportKind,
        statement: LiteralString,
        rows: Sequence[dict[str, Any]],
    ) -> None:
        values = {
            "target": report.target,
            "kind": kind,
            "at": report.at,
            "valid_for": report.valid_for,
            "rows": Jsonb(rows, dumps=_dumps),
        }

        async def write() -> None:
            connection = self._session.connection
            async with connection.transaction():
                await connection.execute("set transaction read write")
                await connection.execute(statements.REPORT, values)
                await connection.execute(statement, values)

        await self._write(write())

    async def _prune(self, keep: timedelta, batch: int) -> int:
        connection = self._session.connection
        async with connection.transaction():
            await connection.execute("set transaction read write")
            cursor = await connection.execute(
                "select monitoring.prune(%s, %s)", [keep, batch]
            )
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    async def _write(self, work: Awaitable[T]) -> T:
        can_cancel = self._session.pooler is Pooler.NONE
        try:
            return await bounded(
                self._session.connection,
                work,
                seconds=self._seconds,
                grace=GRACE_SECONDS if can_cancel else 0.0,
            )
        except psycopg.Error as error:
            raise translate(error, what="write to schema monitoring") from error


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "datname": clean_text(sample.database),
        "metric_name": sample.metric_name,
        "object_type": sample.object.type,
        "schemaname": clean_text(sample.object.schema),
        "objname": clean_text(sample.object.name),
        "value": _number(sample.value),
        "unit": sample.unit,
        "severity": sample.severity,
        "threshold": _number(sample.threshold),
        "recommendation": clean_text(sample.recommendation),
    }


def _finding(tracked: TrackedFinding) -> dict[str, Any]:
    finding, remedy = tracked.finding, tracked.finding.remedy
    return {
        **_life(tracked),
        "kind": finding.kind,
        "severity": finding.severity,
        "object_type": finding.object.type,
        "schemaname": clean_text(finding.object.schema),
        "objname": clean_text(finding.object.name),
        "title": finding.title,
        "value": _number(finding.value),
        "remedy_sql": clean_text(remedy.sql) if remedy else None,
        "remedy_undo": clean_text(remedy.undo) if remedy else None,
        "remedy_lock": remedy.lock if remedy else None,
        "remedy_risk": clean_text(remedy.risk) if remedy else None,
    }


def _advice(advice: IndexAdvice) -> dict[str, Any]:
    return {
        **_life(advice.tracked),
        "table_name": clean_text(advice.table),
        "column_names": [clean_text(column) for column in advice.columns],
        "statement": clean_text(advice.statement),
        "undo": clean_text(advice.undo),
        "potential_improvement": advice.potential_improvement,
        "seq_scan": advice.seq_scan,
        "seq_tup_read": advice.seq_tup_read,
    }


def _life(tracked: TrackedFinding) -> dict[str, Any]:
    """Return what findings and advice have in common."""
    finding = tracked.finding
    return {
        "id": finding.id,
        "datname": clean_text(finding.database),
        "check_name": finding.check,
        "summary": clean_text(finding.summary),
        "evidence": [_evidence(e) for e in finding.evidence],
        "unknowns": [clean_text(unknown) for unknown in finding.unknowns],
        "confidence": finding.confidence,
        "state": tracked.state,
        "first_seen": tracked.first_seen.isoformat(),
        "last_seen": tracked.last_seen.isoformat(),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    value = evidence.value
    return {
        "name": clean_text(evidence.name),
        "value": clean_text(value) if isinstance(value, str) else _number(value),
        "unit": evidence.unit,
        "window_seconds": evidence.window.total_seconds() if evidence.window else None,
    }


def _observation(observation: RlsObservation) -> dict[str, Any]:
    return {
        "datname": clean_text(observation.database),
        "schemaname": clean_text(observation.schemaname),
        "tablename": clean_text(observation.tablename),
        "policy_name": clean_text(observation.policy_name),
        "role_names": [clean_text(role) for role in observation.roles],
        "since": observation.since.isoformat(),
        "calls": observation.calls,
        "total_exec_time_ms": observation.total_exec_time_ms,
        "stddev_exec_time_ms": _number(observation.stddev_exec_time_ms),
        "overhead_p50_ms": _number(observation.overhead_p50_ms),
        "overhead_p95_ms": _number(observation.overhead_p95_ms),
        "overhead_p99_ms": _number(observation.overhead_p99_ms),
        "attribution": observation.attribution,
    }


def _number(value: float | None) -> float | None:
    """Return a number that JSON has; it knows neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None
