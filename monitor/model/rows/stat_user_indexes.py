"""Statistics of each index, in one database. Source: pg_stat_get_* by oid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One row per index; names and flags come from the catalog by `oid`.

    `token` as for tables. `last_idx_scan` exists from PostgreSQL 16.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    token: int
    idx_scan_total: int
    idx_tup_read_total: int
    idx_tup_fetch_total: int
    idx_blks_read_total: int
    idx_blks_hit_total: int
    last_idx_scan: datetime | None
