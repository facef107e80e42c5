"""What the server keeps: replication, tables and their upkeep, WAL."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph
from dashboards.parts import Query, Tile
from dashboards.promql import increase, of_database, of_server, rate

TABLE = "{{server}} {{datname}} {{schemaname}}.{{relname}}"


def replication() -> Iterator[Tile]:
    """Yield how far standbys are behind, and what that keeps."""
    standby = "{{server}} to {{application_name}}"
    behind = of_server("pg_stat_replication_replay_lag_bytes")
    yield graph(
        "Replication lag in bytes",
        "WAL that each standby has not replayed, as its primary sees it.",
        [Query(f"max by (server, application_name) ({behind})", standby)],
        unit="bytes",
    )
    later = of_server("pg_stat_replication_replay_lag_seconds")
    own = of_server("pg_recovery_replay_age_seconds")
    yield graph(
        "Replication lag in seconds",
        "Time until recent WAL was replayed, and on a standby the age of what it"
        " replayed last. Unknown, not 0, while there is nothing to replay.",
        [
            Query(f"max by (server, application_name) ({later})", standby),
            Query(f"max by (server) ({own})", "{{server}} itself"),
        ],
        unit="s",
    )
    retained = of_server("pg_replication_slots_retained_bytes")
    yield graph(
        "WAL kept for slots",
        "WAL that a slot keeps on the server. A slot without a reader fills the disk.",
        [Query(f"max by (server, slot_name) ({retained})", "{{server}} {{slot_name}}")],
        unit="bytes",
    )


def tables() -> Iterator[Tile]:
    """Yield what VACUUM has to do, and whether it gets to it."""
    by_table = "server, datname, schemaname, relname"
    dead = of_database("pg_stat_user_tables_n_dead_tup", 'relname!="other"')
    yield bars(
        "Dead tuples",
        "The ten tables with most tuples that VACUUM could remove.",
        [Query(f"topk(10, max by ({by_table}) ({dead}))", TABLE)],
        unit="short",
        steps={0: "blue"},
    )
    live = of_database("pg_stat_user_tables_n_live_tup", 'relname!="other"')
    yield bars(
        "Share of dead tuples",
        "The ten tables with the largest share, of those with a thousand tuples.",
        [
            Query(
                f"topk(10, max by ({by_table}) ({dead} / ({dead} + {live} >= 1000)))",
                TABLE,
            )
        ],
        unit="percentunit",
        steps={0: "green", 0.2: "orange", 0.5: "red"},
        maximum=1,
    )
    sizes = of_database("pg_table_total_bytes", 'relname!="other"')
    yield bars(
        "Largest tables",
        "Sizes with indexes and TOAST. Tables are measured in turn.",
        [Query(f"topk(10, max by ({by_table}) ({sizes}))", TABLE)],
        unit="bytes",
        steps={0: "blue"},
    )
    yield from _vacuum()


def _vacuum() -> Iterator[Tile]:
    upkeep = [
        Query(
            f"sum({increase(of_database(f'pg_stat_user_tables_{name}_count_total'))})",
            name,
        )
        for name in ("autovacuum", "autoanalyze", "vacuum", "analyze")
    ]
    yield graph(
        "Upkeep",
        "Tables vacuumed and analyzed between two points of the graph.",
        upkeep,
        unit="none",
        stacked=True,
    )
    ages = of_database("pg_stat_database_frozen_xid_age")
    limit = of_server("pg_settings_autovacuum_freeze_max_age")
    yield graph(
        "Age of the oldest transaction id",
        "Transactions since the oldest tuple that is not frozen. Above the dashed line"
        " autovacuum freezes by force; at two thousand million writes stop.",
        [
            Query(f"max by (server, datname) ({ages})", "{{server}} {{datname}}"),
            Query(f"min({limit})", "forced vacuum", is_limit=True),
        ],
        unit="short",
    )
    horizon = of_server("pg_xmin_horizon_xmin_age")
    yield graph(
        "What holds back VACUUM",
        "Age in transactions of the oldest horizon, by what holds it.",
        [Query(f"max by (server, cause) ({horizon})", "{{server}} {{cause}}")],
        unit="short",
    )


def wal() -> Iterator[Tile]:
    """Yield how much WAL is written, and what becomes of it."""
    written = rate(of_server("pg_stat_wal_bytes_total"))
    yield graph(
        "WAL written",
        "Bytes of WAL per second; from PostgreSQL 14.",
        [Query(f"sum by (server) ({written})")],
        unit="Bps",
    )
    checkpoints = [
        Query(
            "sum by (server) ("
            f"{increase(of_server(f'pg_stat_checkpointer_{kind}_total'))})",
            f"{{{{server}}}} {kind}",
        )
        for kind in ("timed", "requested")
    ]
    yield graph(
        "Checkpoints",
        "Checkpoints begun between two points of the graph. Many requested"
        " ones say that max_wal_size is small.",
        checkpoints,
        unit="none",
    )
    archived = rate(of_server("pg_stat_archiver_archived_wal_total"))
    failed = rate(of_server("pg_stat_archiver_failed_archive_attempts_total"))
    yield graph(
        "WAL archived",
        "WAL files archived per second, and attempts that failed.",
        [
            Query(f"sum by (server) ({archived})", "{{server}} archived"),
            Query(f"sum by (server) ({failed})", "{{server}} failed"),
        ],
        unit="ops",
    )
