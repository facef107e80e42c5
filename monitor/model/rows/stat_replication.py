"""Standbys and other WAL receivers of this server. Source: pg_stat_replication."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationRow:
    """One row per WAL sender.

    Lags in bytes are measured against the current WAL position (the replay
    position on a cascading standby). Lags in seconds are None when the standby
    is idle: without new WAL the lag is unknown, not zero.
    """

    KEY: ClassVar[tuple[str, ...]] = ("application_name", "client_addr", "pid")

    application_name: str
    client_addr: str
    usename: str
    pid: int
    state: str
    sync_state: str
    sent_lag_bytes: int | None
    flush_lag_bytes: int | None
    replay_lag_bytes: int | None
    write_lag_seconds: float | None
    flush_lag_seconds: float | None
    replay_lag_seconds: float | None
    reply_age_seconds: float | None
    backend_xmin_age: int | None
