"""Locks by mode and kind. Source: pg_locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class LocksRow:
    """One row per database, mode, kind of object and whether it is granted."""

    KEY: ClassVar[tuple[str, ...]] = ("datname", "mode", "locktype", "granted")

    datname: str
    mode: str
    locktype: str
    granted: str
    locks: int
