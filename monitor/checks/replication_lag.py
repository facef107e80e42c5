"""A standby is behind its primary.

## Meaning

On a primary: how far each connected standby's replay is behind, in seconds and in
bytes of WAL. On a standby: how old the newest replayed transaction is while there
is WAL to replay, whether replay is paused, and whether WAL arrives at all. A
standby that has nothing to replay has no lag that could be told: nothing is
reported, and nothing is claimed.

## If ignored

Reads from the standby are stale, a failover loses or waits for what is missing,
and a slot keeps WAL on the primary's disk.

## How to look

    select application_name, client_addr, state, replay_lag
    from pg_catalog.pg_stat_replication;

## How to fix

Look for the bottleneck: sent but not flushed is the network or the standby's
disk; flushed but not replayed is a query on the standby that conflicts, a paused
replay, or one process that cannot keep up with a bulk load.

## How to silence

Raise `thresholds.replication_lag.warning` and `.critical` (seconds) and their
`_bytes`; a standby that is delayed on purpose (`recovery_min_apply_delay`) needs
levels beyond its delay.

## Thresholds

1 min and 10 min, or 256 MB and 4 GB: a healthy standby is within a second, and a
bulk load may put it a few WAL files behind for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.rows.stat_replication import ReplicationRow
from monitor.model.threshold import Levels, grade, worst
from monitor.model.units import duration, size
from monitor.model.view import View

UNIT = "seconds"

_MB = 1024 * 1024
_UNKNOWN_TIME = "The lag in time: the server does not report one at the moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """Lag in seconds, in bytes of WAL, and silence of the upstream in seconds."""

    warning: float = 60
    critical: float = 600
    warning_bytes: float = 256 * _MB
    critical_bytes: float = 4096 * _MB
    warning_silence_seconds: float = 60
    critical_silence_seconds: float = 600


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding per standby that is behind, seen from either side."""
    for sender in view.rows(ReplicationRow):
        # A base backup streams WAL, too, but replays nothing.
        if sender.state != "backup":
            yield from _sender(sender, thresholds)
    if view.server.is_standby:
        for row in view.rows(RecoveryRow):
            yield from _replay(row, thresholds)
            yield from _receiver(row, thresholds)


def _sender(row: ReplicationRow, thresholds: Thresholds) -> Iterator[Finding]:
    lag_bytes = row.replay_lag_bytes
    if lag_bytes is None:
        lag_bytes = row.flush_lag_bytes
    # After catching up, the last measured time stays on display for a while.
    seconds = row.replay_lag_seconds if lag_bytes else None
    severity = _severity(seconds, lag_bytes, thresholds)
    if severity is None:
        return
    name = row.application_name or row.client_addr or "unnamed"
    yield Finding(
        severity=severity,
        object=ObjectRef("standby", name=f"{name}@{row.client_addr}".rstrip("@")),
        summary=f'standby "{name}" is {_how_far(seconds, lag_bytes)} behind',
        evidence=tuple(_sender_evidence(row, seconds)),
        unknowns=(_UNKNOWN_TIME,) if seconds is None else (),
        remedy=Remedy(
            sql=(
                "select application_name, client_addr, state, sync_state,\n"
                "    write_lag, flush_lag, replay_lag\n"
                "from pg_catalog.pg_stat_replication;"
            ),
            risk="Reads only; shows where on its way the WAL is stuck.",
        ),
        value=seconds,
    )


def _severity(
    seconds: float | None, lag_bytes: int | None, thresholds: Thresholds
) -> Severity | None:
    by_time = thresholds.severity(seconds) if seconds is not None else None
    by_size = None
    if lag_bytes is not None:
        by_size = grade(
            lag_bytes,
            warning=thresholds.warning_bytes,
            critical=thresholds.critical_bytes,
        )
    return worst(by_time, by_size)


def _how_far(seconds: float | None, lag_bytes: int | None) -> str:
    parts: list[str] = []
    if seconds is not None:
        parts.append(duration(seconds))
    if lag_bytes is not None:
        parts.append(f"{size(lag_bytes)} of WAL")
    return " and ".join(parts)


def _sender_evidence(row: ReplicationRow, seconds: float | None) -> Iterator[Evidence]:
    stages = (
        ("not yet sent", row.sent_lag_bytes),
        ("not yet flushed", row.flush_lag_bytes),
        ("not yet replayed", row.replay_lag_bytes),
    )
    for name, value in stages:
        if value is not None:
            yield Evidence(name, value, "bytes")
    if seconds is not None:
        yield Evidence("replay lag", seconds, "seconds")
    if row.reply_age_seconds is not None:
        yield Evidence("time since the last reply", row.reply_age_seconds, "seconds")
    yield Evidence("state", f"{row.state}, {row.sync_state}")


def _replay(row: RecoveryRow, thresholds: Thresholds) -> Iterator[Finding]:
    seconds = row.replay_age_seconds
    severity = _severity(seconds, row.replay_lag_bytes, thresholds)
    if severity is None:
        return
    paused = "; replay is paused" if row.is_replay_paused else ""
    behind = _how_far(seconds, row.replay_lag_bytes)
    evidence: list[Evidence] = []
    if seconds is not None:
        evidence.append(Evidence("age of the last replay", seconds, "seconds"))
    if row.replay_lag_bytes is not None:
        lag = Evidence("received, not replayed", row.replay_lag_bytes, "bytes")
        evidence.append(lag)
    yield Finding(
        severity=severity,
        object=ObjectRef("server"),
        summary=f"this standby's replay is {behind} behind what it received{paused}",
        evidence=tuple(evidence),
        unknowns=(_UNKNOWN_TIME,) if seconds is None else (),
        remedy=_replay_remedy(row),
        value=seconds,
    )


def _replay_remedy(row: RecoveryRow) -> Remedy:
    if row.is_replay_paused:
        return Remedy(
            sql="select pg_catalog.pg_wal_replay_resume();",
            undo="select pg_catalog.pg_wal_replay_pause();",
            risk="Queries on the standby that conflict with replay may be cancelled.",
        )
    return Remedy(
        sql=(
            "select pid, usename, xact_start, query\n"
            "from pg_catalog.pg_stat_activity\n"
            "where xact_start is not null\norder by xact_start;"
        ),
        risk="Reads only; a long query on the standby may hold up replay.",
    )


def _receiver(row: RecoveryRow, thresholds: Thresholds) -> Iterator[Finding]:
    if row.receiver_age_seconds is None:
        return
    severity = grade(
        row.receiver_age_seconds,
        warning=thresholds.warning_silence_seconds,
        critical=thresholds.critical_silence_seconds,
    )
    if severity is None:
        return
    yield Finding(
        severity=severity,
        object=ObjectRef("wal_receiver"),
        summary=(
            "this standby has heard nothing from its upstream for "
            f"{duration(row.receiver_age_seconds)}"
        ),
        evidence=(
            Evidence("since the last message", row.receiver_age_seconds, "seconds"),
            Evidence("receiver", row.receiver_status),
        ),
        unknowns=("How much WAL the upstream has written since.",),
        remedy=Remedy(
            sql=(
                "select status, sender_host, sender_port, last_msg_receipt_time\n"
                "from pg_catalog.pg_stat_wal_receiver;"
            ),
            risk="Reads only; look at the network and at the upstream next.",
        ),
        value=row.receiver_age_seconds,
    )
