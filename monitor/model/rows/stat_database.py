"""Activity of each database. Source: pg_stat_database, pg_database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRow:
    """One row per database that allows connections.

    Times are seconds (the view's are milliseconds). `size_bytes` is None unless
    the sizes rotation has read it.
    """

    KEY: ClassVar[tuple[str, ...]] = ("datname",)

    datname: str
    numbackends: int
    connection_limit: int
    xact_commit_total: int
    xact_rollback_total: int
    blks_read_total: int
    blks_hit_total: int
    tup_returned_total: int
    tup_fetched_total: int
    tup_inserted_total: int
    tup_updated_total: int
    tup_deleted_total: int
    conflicts_total: int
    temp_files_total: int
    temp_bytes_total: int
    deadlocks_total: int
    checksum_failures_total: int | None
    blk_read_time_seconds_total: float
    blk_write_time_seconds_total: float
    session_time_seconds_total: float | None
    active_time_seconds_total: float | None
    idle_in_transaction_time_seconds_total: float | None
    sessions_total: int | None
    sessions_abandoned_total: int | None
    sessions_fatal_total: int | None
    sessions_killed_total: int | None
    frozen_xid_age: int
    min_mxid_age: int
    stats_reset: datetime | None
