"""PgBouncer's pools. Source: SHOW POOLS on its admin console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolsRow:
    """One row per database and user."""

    KEY: ClassVar[tuple[str, ...]] = ("datname", "usename")

    datname: str
    usename: str
    pool_mode: str
    clients_active: int
    clients_waiting: int
    servers_active: int
    servers_idle: int
    servers_used: int
    servers_login: int
    max_wait_seconds: float
