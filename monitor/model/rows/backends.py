"""Backends worth naming: long or idle transactions, blockers and blocked.

Source: pg_stat_activity, pg_blocking_pids (called for waiting backends only).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRow:
    """One row per backend with an open transaction, blocked, or blocking.

    `blocked_by` are the pids it waits for. `xmin_age` counts transactions.
    `wait_seconds` is how long a blocked backend has waited (pg_locks.waitstart
    from 14, else the time since the statement began).
    """

    KEY: ClassVar[tuple[str, ...]] = ("pid",)

    pid: int
    datname: str
    usename: str
    application_name: str
    client_addr: str
    backend_type: str
    state: str
    wait_event_type: str
    wait_event: str
    xact_seconds: float | None
    query_seconds: float | None
    state_seconds: float | None
    wait_seconds: float | None
    xmin_age: int | None
    query_id: int | None
    blocked_by: tuple[int, ...]
    is_own: bool
