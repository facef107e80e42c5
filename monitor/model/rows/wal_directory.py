"""The WAL directory of a server. Source: pg_ls_waldir(), pg_settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class WalDirectoryRow:
    """One row. `expected_bytes` is max_wal_size and wal_keep_size together."""

    KEY: ClassVar[tuple[str, ...]] = ()

    files: int
    size_bytes: int
    expected_bytes: int
