"""Sizes and freeze ages of relations, in one database.

Source: pg_relation_size and friends where the relation is not locked,
pg_class.relpages otherwise (`is_exact` False).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """One row per table or index; `oid` joins the catalog.

    `total_bytes` of a table includes its indexes and toast; of an index it
    equals `size_bytes`. `estimated_bytes` is what the live tuples would need
    (statistics-based), None where planner statistics cannot be seen.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    size_bytes: int
    toast_bytes: int
    indexes_bytes: int
    total_bytes: int
    estimated_bytes: int | None
    frozen_xid_age: int | None
    min_mxid_age: int | None
    is_exact: bool
