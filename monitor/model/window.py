"""How long an index has been seen unused, by our own deltas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageWindow:
    """Scans of one index since `since`, counted by us.

    Restarts on every reset epoch, so that "no scan" is never an artefact of a
    reset. `standbys` are the targets whose own windows back this one.
    """

    datname: str
    oid: int
    since: datetime
    until: datetime
    scans: int
    last_scan: datetime | None = None
    standbys: tuple[str, ...] = ()
