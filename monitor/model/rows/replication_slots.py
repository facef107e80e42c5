"""Replication slots and the WAL they retain. Source: pg_replication_slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSlotsRow:
    """One row per slot. `inactive_seconds` exists from 17, `safe_wal_bytes` from 13."""

    KEY: ClassVar[tuple[str, ...]] = ("slot_name",)

    slot_name: str
    slot_type: str
    datname: str
    wal_status: str
    is_active: bool
    retained_bytes: int | None
    safe_wal_bytes: int | None
    inactive_seconds: float | None
    xmin_age: int | None
    catalog_xmin_age: int | None
