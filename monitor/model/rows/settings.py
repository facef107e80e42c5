"""Server settings that checks need. Source: pg_settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRow:
    """One row per server.

    `reserved_connections` counts superuser_reserved_connections and, from 16,
    reserved_connections: slots an ordinary role cannot take.
    """

    KEY: ClassVar[tuple[str, ...]] = ("max_connections",)

    max_connections: int
    reserved_connections: int
    autovacuum_enabled: bool
    autovacuum_max_workers: int
    autovacuum_vacuum_threshold: int
    autovacuum_vacuum_scale_factor: float
    autovacuum_analyze_threshold: int
    autovacuum_analyze_scale_factor: float
    autovacuum_freeze_max_age: int
    autovacuum_multixact_freeze_max_age: int
    block_size_bytes: int
    has_track_io_timing: bool
    has_archiving: bool
    max_wal_senders: int
    max_replication_slots: int
    max_prepared_transactions: int
    pending_restart: int
