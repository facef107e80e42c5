"""WAL archiver. Source: pg_stat_archiver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiverRow:
    """One row per server; ages are None when it never happened."""

    KEY: ClassVar[tuple[str, ...]] = ()

    archived_wal_total: int
    failed_archive_attempts_total: int
    last_archived_age_seconds: float | None
    last_failed_age_seconds: float | None
    last_failed_wal: str
    stats_reset: datetime | None
