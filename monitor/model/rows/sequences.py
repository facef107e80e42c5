"""How far sequences are from their end, in one database. Source: pg_sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencesRow:
    """One row per sequence that has been used and does not cycle.

    `limit_value` is the smaller of the sequence's maximum and what the owning
    column's type holds. `used_ratio` is between 0 and 1. The columns are empty
    for a sequence that no column owns.
    """

    KEY: ClassVar[tuple[str, ...]] = ("schemaname", "sequencename")

    schemaname: str
    sequencename: str
    tablename: str
    columnname: str
    data_type: str
    last_value: int
    limit_value: int
    used_ratio: float
