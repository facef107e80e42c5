"""Statistics of each table, in one database. Source: pg_stat_get_* by oid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row per table; names come from the catalog by `oid`.

    Only tables whose change token moved are read; the others keep the very same
    object from cycle to cycle. `token` adds up the counters and weighs in live
    and dead tuples, which TRUNCATE and pruning change without counting.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    token: int
    seq_scan_total: int
    seq_tup_read_total: int
    idx_scan_total: int | None
    idx_tup_fetch_total: int | None
    n_tup_ins_total: int
    n_tup_upd_total: int
    n_tup_del_total: int
    n_tup_hot_upd_total: int
    n_tup_newpage_upd_total: int | None
    n_live_tup: int
    n_dead_tup: int
    n_mod_since_analyze: int
    n_ins_since_vacuum: int
    heap_blks_read_total: int
    heap_blks_hit_total: int
    vacuum_count_total: int
    autovacuum_count_total: int
    analyze_count_total: int
    autoanalyze_count_total: int
    last_vacuum: datetime | None
    last_autovacuum: datetime | None
    last_analyze: datetime | None
    last_autoanalyze: datetime | None
    last_idx_scan: datetime | None
