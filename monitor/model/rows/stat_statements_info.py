"""Health of pg_stat_statements itself. Source: pg_stat_statements_info (1.9+)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsInfoRow:
    """One row per server; `reset_at` is part of the statements' epoch."""

    KEY: ClassVar[tuple[str, ...]] = ("max_entries",)

    max_entries: int
    deallocations_total: int | None
    reset_at: datetime | None
