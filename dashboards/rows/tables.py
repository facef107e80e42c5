"""Tables: how large they are, what is waste, how they are read and written."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import (
    busiest,
    largest,
    of_database,
    over,
    over_range,
    rate,
    so_far,
    top,
    total,
)

BY_TABLE = "server, datname, schemaname, relname"
TABLE = "{{schemaname}}.{{relname}} {{datname}} {{server}}"
NAMED = 'relname!="other"'


def gauge(name: str) -> str:
    """Return a gauge of each table that has series of its own."""
    return largest(BY_TABLE, of_database(name, NAMED))


def counter(name: str) -> str:
    """Return the selector of a counter of tables that have series of their own."""
    return of_database(f"pg_stat_user_tables_{name}_total", NAMED)


def dead() -> Iterator[Tile]:
    """Yield what VACUUM could remove."""
    yield bars(
        "Dead tuples",
        "The ten tables with most tuples that VACUUM could remove.",
        [Query(top(10, gauge("pg_stat_user_tables_n_dead_tup")), TABLE)],
        unit="short",
        steps={0: "blue"},
    )
    dead = of_database("pg_stat_user_tables_n_dead_tup", NAMED)
    live = of_database("pg_stat_user_tables_n_live_tup", NAMED)
    yield bars(
        "Share of dead tuples",
        "The ten tables with the largest share, of those with a thousand tuples.",
        [
            Query(
                top(10, largest(BY_TABLE, f"{dead} / ({dead} + {live} >= 1000)")),
                TABLE,
            )
        ],
        unit="percentunit",
        steps={0: "green", 0.2: "orange", 0.5: "red"},
        maximum=1,
    )


_COLUMNS = (
    Column("relname", "Table"),
    Column("schemaname", "Schema"),
    Column("datname", "Database"),
    Column("server", "Server"),
    Column("Value #A", "Total", unit="bytes"),
    Column("Value #B", "Table alone", unit="bytes"),
    Column("Value #C", "Indexes", unit="bytes"),
    Column("Value #D", "TOAST", unit="bytes"),
    Column(
        "Value #E",
        "Bloat, estimated",
        unit="percentunit",
        steps={0: "text", 0.3: "orange", 0.5: "red"},
    ),
    Column("Value #F", "Live tuples", unit="short"),
    Column("Value #G", "Dead tuples", unit="short"),
)


def inventory() -> Iterator[Tile]:
    """Yield the largest tables, with what they hold."""
    total_size = gauge("pg_table_total_bytes")
    most = top(50, total_size)
    size, wanted = gauge("pg_table_size_bytes"), gauge("pg_table_estimated_bytes")
    dead = gauge("pg_stat_user_tables_n_dead_tup")
    yield table(
        "Largest tables",
        "Sizes as they were measured in turn. Bloat is an estimate: what the live"
        " tuples would not need of the table's own file, from the planner's widths.",
        [
            most,
            f"{size} and {most}",
            f"{gauge('pg_table_indexes_bytes')} and {most}",
            f"{gauge('pg_table_toast_bytes')} and {most}",
            f"clamp_min({over(f'({size} - {wanted})', size)}, 0) and {most}",
            f"{gauge('pg_stat_user_tables_n_live_tup')} and {most}",
            f"{dead} and {most}",
        ],
        columns=_COLUMNS,
        sort_by="Total",
        width=24,
        height=14,
    )


def bloat() -> Iterator[Tile]:
    """Yield what could be given back."""
    size, wanted = gauge("pg_table_size_bytes"), gauge("pg_table_estimated_bytes")
    yield bars(
        "Bloat in bytes",
        "Estimate of what a rewrite would give back, the ten tables with most. VACUUM"
        " makes it free for new tuples, not for other files.",
        [Query(top(10, f"clamp_min({size} - {wanted}, 0)"), TABLE)],
        unit="bytes",
        steps={0: "blue"},
    )
    yield from dead()


def growth() -> Iterator[Tile]:
    """Yield what grows."""
    size = of_database("pg_table_total_bytes", NAMED)
    yield graph(
        "Sizes of tables",
        "The ten largest tables, with indexes and TOAST.",
        [Query(busiest(largest(BY_TABLE, size), _at_end(size)), TABLE)],
        unit="bytes",
    )
    waiting = largest(
        "server, datname, schemaname, relname",
        of_database("pg_partitions_default_tuples"),
    )
    yield bars(
        "Rows in default partitions",
        "Rows for which there was no partition. They make every new one costly to add.",
        [Query(top(10, waiting), TABLE)],
        unit="short",
        steps={0: "green", 1: "orange"},
    )
    used = largest(
        "server, datname, schemaname, sequencename",
        of_database("pg_sequences_used_ratio"),
    )
    yield bars(
        "Sequences",
        "Share of its values that a sequence has used, of those that used a hundredth."
        " At the end inserts fail.",
        [
            Query(
                top(10, f"{used} >= 0.01"),
                "{{schemaname}}.{{sequencename}} {{datname}} {{server}}",
            )
        ],
        unit="percentunit",
        steps={0: "green", 0.7: "orange", 0.9: "red"},
        maximum=1,
    )


def _at_end(selector: str) -> str:
    return largest(BY_TABLE, f"{selector} @ end()")


def _busiest(name: str) -> str:
    return busiest(
        total(BY_TABLE, rate(counter(name))),
        total(BY_TABLE, over_range(counter(name))),
    )


def reads() -> Iterator[Tile]:
    """Yield how tables are read."""
    yield graph(
        "Tuples read by sequential scans",
        "Tuples per second of the ten tables with most. Large tables that are read"
        " whole often lack an index.",
        [Query(_busiest("seq_tup_read"), TABLE)],
        unit="ops",
    )
    yield graph(
        "Tuples fetched through indexes",
        "Tuples per second of the ten tables with most.",
        [Query(_busiest("idx_tup_fetch"), TABLE)],
        unit="ops",
    )
    yield graph(
        "Blocks of tables read",
        "Blocks per second from outside shared buffers, the ten tables with most.",
        [Query(_busiest("heap_blks_read"), TABLE)],
        unit="ops",
    )


def writes() -> Iterator[Tile]:
    """Yield how tables are written."""
    for verb, name in (("Inserts", "ins"), ("Updates", "upd"), ("Deletes", "del")):
        yield graph(
            verb,
            f"{verb} per second, the ten tables with most.",
            [Query(_busiest(f"n_tup_{name}"), TABLE)],
            unit="ops",
        )
    updates = total(BY_TABLE, so_far(counter("n_tup_upd")))
    hot = total(BY_TABLE, so_far(counter("n_tup_hot_upd")))
    yield bars(
        "Updates that touch every index",
        "Share of updates that were not heap-only, so that each index got an entry:"
        " the ten tables with the largest, of those with a hundred updates.",
        [Query(top(10, f"1 - {hot} / ({updates} >= 100)"), TABLE)],
        unit="percentunit",
        steps={0: "green", 0.5: "orange"},
        maximum=1,
    )
    moved = total(BY_TABLE, so_far(counter("n_tup_newpage_upd")))
    yield bars(
        "Updates that left their page",
        "Tuples that an update moved to another page within the time shown; a lower"
        " fillfactor keeps them. From PostgreSQL 16.",
        [Query(top(10, moved), TABLE)],
        unit="short",
        steps={0: "blue"},
    )
