"""A replication slot keeps WAL, or has lost what its consumer needs.

## Meaning

A slot promises its consumer that no WAL is removed before it was received. The
figure is how much WAL the slot keeps. `lost` means that the promise is broken
(`max_slot_wal_keep_size`, or from 18 `idle_replication_slot_timeout`);
`unreserved` that it will be at the next checkpoint.

## If ignored

WAL fills the disk and the server stops, unless `max_slot_wal_keep_size` is set;
then the consumer is cut off and must be built anew.

## How to look

    select slot_name, slot_type, active, wal_status, restart_lsn
    from pg_catalog.pg_replication_slots;

## How to fix

Bring the consumer back. If it is gone for good, drop the slot. Set
`max_slot_wal_keep_size` to what the disk can spare.

## How to silence

Raise `thresholds.replication_slot.warning` and `.critical`, or mute the slot's
finding.

## Thresholds

1 GB and 10 GB: the default `max_wal_size` is 1 GB, so a slot that keeps more is
what makes pg_wal grow. An inactive slot is reported after a day whatever it
keeps, where the server tells since when (17).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import quote_literal
from monitor.model.rows.replication_slots import ReplicationSlotsRow
from monitor.model.threshold import Levels, worst
from monitor.model.units import duration, size
from monitor.model.view import View

UNIT = "bytes"
NEEDS = (ReplicationSlotsRow,)

_BROKEN = ("lost", "unreserved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Levels):
    """WAL kept by one slot in bytes, and how long it may lie idle."""

    warning: float = 1024**3
    critical: float = 10 * 1024**3
    warning_inactive_seconds: float = 86_400


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per slot that keeps too much, lies idle, or is broken."""
    for row in view.rows(ReplicationSlotsRow):
        severity = _severity(row, thresholds)
        if severity is None:
            continue
        yield Finding(
            severity=severity,
            database=row.datname,
            object=ObjectRef("slot", name=row.slot_name),
            summary=_summary(row),
            evidence=tuple(_evidence(row)),
            unknowns=(
                () if row.retained_bytes is not None else ("How much WAL it keeps.",)
            ),
            remedy=_remedy(row),
            value=row.retained_bytes,
        )


def _severity(row: ReplicationSlotsRow, thresholds: Thresholds) -> Severity | None:
    found: list[Severity | None] = []
    if row.wal_status in _BROKEN:
        found.append(Severity.CRITICAL)
    if row.retained_bytes is not None:
        found.append(thresholds.severity(row.retained_bytes))
    idle = row.inactive_seconds
    if idle is not None and not row.is_active:
        is_old = idle >= thresholds.warning_inactive_seconds
        found.append(Severity.WARNING if is_old else None)
    return worst(*found)


def _summary(row: ReplicationSlotsRow) -> str:
    slot = f'{row.slot_type} slot "{row.slot_name}"'
    if row.wal_status == "lost":
        return f"{slot} has lost WAL that its consumer needs"
    kept = size(row.retained_bytes) if row.retained_bytes is not None else "unknown"
    state = "active" if row.is_active else "inactive"
    if row.wal_status == "unreserved":
        return f"{slot} ({state}) loses its WAL at the next checkpoint; it keeps {kept}"
    since = row.inactive_seconds
    if since is not None and not row.is_active:
        state += f" for {duration(since)}"
    return f"{slot} ({state}) keeps {kept} of WAL"


def _evidence(row: ReplicationSlotsRow) -> Iterator[Evidence]:
    if row.retained_bytes is not None:
        yield Evidence("WAL kept", row.retained_bytes, "bytes")
    if row.safe_wal_bytes is not None:
        yield Evidence("WAL until it is lost", row.safe_wal_bytes, "bytes")
    if row.inactive_seconds is not None:
        yield Evidence("inactive", row.inactive_seconds, "seconds")
    if row.xmin_age is not None:
        yield Evidence("xmin held back", row.xmin_age, "transactions")
    if row.catalog_xmin_age is not None:
        yield Evidence("catalog xmin held back", row.catalog_xmin_age, "transactions")
    yield Evidence("wal_status", row.wal_status)


def _remedy(row: ReplicationSlotsRow) -> Remedy:
    if row.is_active:
        return Remedy(
            sql=(
                "select application_name, client_addr, state, sent_lsn, replay_lsn\n"
                "from pg_catalog.pg_stat_replication;"
            ),
            risk="Reads only; shows why the consumer is slow.",
        )
    name = quote_literal(row.slot_name)
    return Remedy(
        sql=f"select pg_catalog.pg_drop_replication_slot({name});",
        risk="Its consumer loses its place and must be set up again.",
    )
