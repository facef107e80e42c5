"""What holds back the xmin horizon, by cause.

Source: pg_stat_activity, pg_prepared_xacts, pg_replication_slots,
pg_stat_replication (hot_standby_feedback).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Cause = Literal["transaction", "prepared", "slot", "slot_catalog", "standby_feedback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonRow:
    """One row per cause: its oldest holder. `xmin_age` counts transactions."""

    KEY: ClassVar[tuple[str, ...]] = ("cause",)

    cause: Cause
    holder: str
    datname: str
    xmin_age: int
    age_seconds: float | None
