"""VACUUM: whether it keeps up, what holds it back, how near wraparound is."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import (
    increase,
    largest,
    of_database,
    of_server,
    top,
)
from dashboards.rows.tables import BY_TABLE, TABLE, gauge

_END = 2_000_000_000


def upkeep() -> Iterator[Tile]:
    """Yield what was vacuumed and analyzed."""
    done = [
        Query(
            f"sum({increase(of_database(f'pg_stat_user_tables_{name}_count_total'))})",
            name,
        )
        for name in ("autovacuum", "autoanalyze", "vacuum", "analyze")
    ]
    yield graph(
        "Upkeep",
        "Tables vacuumed and analyzed between two points of the graph.",
        done,
        unit="none",
        stacked=True,
    )
    stale = gauge("pg_stat_user_tables_n_mod_since_analyze")
    yield bars(
        "Changes since the last ANALYZE",
        "Tuples changed since statistics were taken, the ten tables with most. Plans"
        " rest on the old ones.",
        [Query(top(10, stale), TABLE)],
        unit="short",
        steps={0: "blue"},
    )
    inserted = gauge("pg_stat_user_tables_n_ins_since_vacuum")
    yield bars(
        "Inserts since the last VACUUM",
        "Tuples inserted since then, the ten tables with most. Without it index-only"
        " scans visit the table.",
        [Query(top(10, inserted), TABLE)],
        unit="short",
        steps={0: "blue"},
    )


_COLUMNS = (
    Column("relname", "Table"),
    Column("schemaname", "Schema"),
    Column("datname", "Database"),
    Column("server", "Server"),
    Column("Value #A", "Dead tuples", unit="short"),
    Column("Value #B", "Autovacuum", unit="s"),
    Column("Value #C", "VACUUM", unit="s"),
    Column("Value #D", "Autoanalyze", unit="s"),
)


def last() -> Iterator[Tile]:
    """Yield when the tables with most dead tuples were last looked after."""
    most = top(50, gauge("pg_stat_user_tables_n_dead_tup"))

    def since(kind: str) -> str:
        last = of_database(f"pg_stat_user_tables_last_{kind}_timestamp_seconds")
        return f"time() - {largest(BY_TABLE, last)}\n  and {most}"

    yield table(
        "Last upkeep",
        "The tables with most dead tuples, and how long ago each was looked after;"
        " empty says that nobody ever did.",
        [most, since("autovacuum"), since("vacuum"), since("autoanalyze")],
        columns=_COLUMNS,
        sort_by="Dead tuples",
    )
    yield from progress()


def progress() -> Iterator[Tile]:
    """Yield which long commands are at work."""
    labels = "server, datname, command, phase"
    here = 'datname=~"$datname|"'
    yield table(
        "Commands at work",
        "VACUUM, index builds and other long commands, and how much of its phase the"
        " one that has got least far has done; none while it waits.",
        [
            largest(labels, of_server("pg_stat_progress_backends", here)),
            largest(labels, of_server("pg_stat_progress_min_done_ratio", here)),
        ],
        columns=[
            Column("command", "Command"),
            Column("phase", "Phase"),
            Column("datname", "Database"),
            Column("server", "Server"),
            Column("Value #A", "Backends"),
            Column("Value #B", "Done", unit="percentunit"),
        ],
        sort_by="Backends",
        width=8,
    )


def transaction_ids() -> Tile:
    """Return how old the oldest transaction ids are."""
    ages = of_database("pg_stat_database_frozen_xid_age")
    limit = of_server("pg_settings_autovacuum_freeze_max_age")
    return graph(
        "Age of the oldest transaction id",
        "Transactions since the oldest tuple that is not frozen. Above the dashed line"
        " autovacuum freezes by force; at two thousand million writes stop.",
        [
            Query(top(10, largest("server, datname", ages)), "{{server}} {{datname}}"),
            Query(f"min({limit})", "forced vacuum", is_limit=True),
        ],
        unit="short",
    )


def wraparound() -> Iterator[Tile]:
    """Yield how near wraparound is, and what is old."""
    yield transaction_ids()
    ages = of_database("pg_stat_database_min_mxid_age")
    limit = of_server("pg_settings_autovacuum_multixact_freeze_max_age")
    yield graph(
        "Age of the oldest multixact",
        "The same for sets of transactions that lock one tuple.",
        [
            Query(top(10, largest("server, datname", ages)), "{{server}} {{datname}}"),
            Query(f"min({limit})", "forced vacuum", is_limit=True),
        ],
        unit="short",
    )
    yield bars(
        "Way to wraparound",
        "Age of each server's oldest transaction id as a share of the two thousand"
        " million at which writes stop; the ten furthest.",
        [
            Query(
                top(
                    10,
                    largest("server", of_database("pg_stat_database_frozen_xid_age"))
                    + f" / {_END}",
                )
            )
        ],
        unit="percentunit",
        steps={0: "green", 0.2: "orange", 0.5: "red"},
        maximum=1,
    )
    yield bars(
        "Oldest tables",
        "Age in transactions of the oldest tuple that is not frozen, the ten oldest"
        " tables. A VACUUM (FREEZE) of these helps most.",
        [Query(top(10, gauge("pg_table_frozen_xid_age")), TABLE)],
        unit="short",
        steps={0: "green", 200_000_000: "orange", 1_000_000_000: "red"},
    )


def horizon() -> Tile:
    """Return what holds back VACUUM."""
    age = of_server("pg_xmin_horizon_xmin_age")
    return graph(
        "What holds back VACUUM",
        "Age in transactions of the oldest horizon, by what holds it.",
        [Query(largest("server, cause", age), "{{server}} {{cause}}")],
        unit="short",
    )


def holders() -> Iterator[Tile]:
    """Yield who keeps dead tuples from going."""
    yield horizon()
    held = of_server("pg_xmin_horizon_age_seconds")
    yield graph(
        "How long VACUUM is held back",
        "How long what holds the horizon has existed, by what it is.",
        [Query(largest("server, cause", held), "{{server}} {{cause}}")],
        unit="s",
    )
    prepared = of_database("pg_prepared_xacts_max_age_seconds")
    yield graph(
        "Prepared transactions",
        "Age of the oldest prepared transaction. Nobody but an operator ends a"
        " forgotten one.",
        [Query(largest("server, datname", prepared), "{{server}} {{datname}}")],
        unit="s",
    )
