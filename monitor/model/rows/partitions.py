"""Tables partitioned by time, in one database. Source: pg_partitioned_table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsRow:
    """One row per table with range partitions of one date or timestamp.

    `names`, `lowers` and `uppers` describe its bounded partitions, the oldest
    first; bounds are in UTC, `lowers` may hold empty texts. `default_tuples` and
    `default_inserted_total` are None without a default partition; both are
    statistics, estimates after a crash. `is_platform`: the platform's procedures
    look after it. `has_partman`: pg_partman is in the database. `detached` are
    tables beside the default partition that bear the table's name.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    relname: str
    keyname: str
    names: tuple[str, ...]
    lowers: tuple[str, ...]
    uppers: tuple[str, ...]
    newest_bound: datetime | None
    default_oid: int
    default_schemaname: str
    default_relname: str
    default_tuples: int | None
    default_inserted_total: int | None
    is_platform: bool
    has_partman: bool
    detached: tuple[str, ...]
