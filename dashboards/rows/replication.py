"""Standbys, slots and the WAL that they keep."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph, states, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import largest, of_server

_STANDBY = "{{server}} to {{application_name}}"
_BY_STANDBY = "server, application_name"


def lag_in_seconds() -> Tile:
    """Return how far standbys are behind in time."""
    later = of_server("pg_stat_replication_replay_lag_seconds")
    own = of_server("pg_recovery_replay_age_seconds")
    return graph(
        "Replication lag in seconds",
        "Time until recent WAL was replayed, and on a standby the age of what it"
        " replayed last. Unknown, not 0, while there is nothing to replay.",
        [
            Query(largest(_BY_STANDBY, later), _STANDBY),
            Query(largest("server", own), "{{server}} itself"),
        ],
        unit="s",
    )


def standbys() -> Iterator[Tile]:
    """Yield how far standbys are behind."""
    behind = of_server("pg_stat_replication_replay_lag_bytes")
    yield graph(
        "Replication lag in bytes",
        "WAL that each standby has not replayed, as its primary sees it.",
        [Query(largest(_BY_STANDBY, behind), _STANDBY)],
        unit="bytes",
    )
    yield lag_in_seconds()
    silent = of_server("pg_stat_replication_reply_age_seconds")
    received = of_server("pg_recovery_receiver_age_seconds")
    yield graph(
        "Silence between primary and standby",
        "Time since a standby last answered, and since it last heard of its primary.",
        [
            Query(largest(_BY_STANDBY, silent), _STANDBY),
            Query(largest("server", received), "{{server}} itself"),
        ],
        unit="s",
    )
    yield from _receivers()


def _receivers() -> Iterator[Tile]:
    """Yield who receives WAL, and who is a standby."""
    labels = "server, application_name, client_addr, state, sync_state"
    yield table(
        "Standbys",
        "Who receives WAL, and how far each step is behind.",
        [
            largest(labels, of_server(f"pg_stat_replication_{step}_lag_bytes"))
            for step in ("sent", "flush", "replay")
        ],
        columns=[
            Column("server", "Server"),
            Column("application_name", "Receiver"),
            Column("client_addr", "Address"),
            Column("state", "State"),
            Column("sync_state", "Synchronous"),
            Column("Value #A", "To be sent", unit="bytes"),
            Column("Value #B", "To be flushed", unit="bytes"),
            Column("Value #C", "To be replayed", unit="bytes"),
        ],
        sort_by="To be replayed",
    )
    yield states(
        "Primaries and standbys",
        "Whether each server is in recovery. A change is a promotion, or a rebuild.",
        [Query(largest("server", of_server("pg_server_is_standby")))],
        names={0: ("primary", "blue"), 1: ("standby", "purple")},
    )


def slots() -> Iterator[Tile]:
    """Yield what slots keep."""
    by_slot, slot = "server, slot_name", "{{server}} {{slot_name}}"
    retained = of_server("pg_replication_slots_retained_bytes")
    yield graph(
        "WAL kept for slots",
        "WAL that a slot keeps on the server. A slot without a reader fills the disk.",
        [Query(largest(by_slot, retained), slot)],
        unit="bytes",
    )
    yield states(
        "Slots in use",
        "Whether a reader is connected to each slot.",
        [Query(largest(by_slot, of_server("pg_replication_slots_is_active")), slot)],
        names={0: ("idle", "orange"), 1: ("in use", "green")},
    )
    held = [
        Query(
            f"topk(10, {largest(by_slot, of_server(f'pg_replication_slots_{name}'))})",
            f"{slot} {kind}",
        )
        for name, kind in (("xmin_age", "data"), ("catalog_xmin_age", "catalogs"))
    ]
    yield bars(
        "Horizons held by slots",
        "Age in transactions of what VACUUM must keep for a slot.",
        held,
        unit="short",
        steps={0: "green", 10_000_000: "orange", 100_000_000: "red"},
    )
