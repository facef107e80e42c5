"""A standby's own view of replication. Source: pg_stat_wal_receiver and functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRow:
    """One row on a standby, none on a primary.

    `replay_lag_bytes` is received but not replayed. `replay_age_seconds` is the
    age of the last replayed transaction, None when all received WAL is replayed
    (an idle primary must not look like lag). `receiver_age_seconds` is the time
    since the last message from upstream, None without a WAL receiver.
    """

    KEY: ClassVar[tuple[str, ...]] = ("receiver_status",)

    receiver_status: str
    replay_lag_bytes: int | None
    replay_age_seconds: float | None
    receiver_age_seconds: float | None
    is_replay_paused: bool
