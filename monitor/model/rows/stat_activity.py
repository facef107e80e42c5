"""Client connections by what they are and do. Source: pg_stat_activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsRow:
    """One row per database, role, application, state and kind of wait.

    Client backends only. `wait_event_type` is empty for a backend that runs.
    `max_*_seconds` are the longest of the group.
    """

    KEY: ClassVar[tuple[str, ...]] = (
        "datname",
        "usename",
        "application_name",
        "state",
        "wait_event_type",
    )

    datname: str
    usename: str
    application_name: str
    state: str
    wait_event_type: str
    connections: int
    max_state_seconds: float | None
    max_xact_seconds: float | None
    max_query_seconds: float | None
