"""Indexes: what they cost, whether they are used, what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import (
    busiest,
    largest,
    of_database,
    of_server,
    over,
    over_range,
    rate,
    so_far,
    top,
    total,
)
from dashboards.rows.tables import BY_TABLE, TABLE

BY_INDEX = "server, datname, schemaname, relname, indexrelname"
INDEX = "{{schemaname}}.{{indexrelname}} {{datname}} {{server}}"
_NAMED = 'indexrelname!="other"'
_SIZE = largest(BY_INDEX, of_database("pg_index_size_bytes", _NAMED))


def _counter(name: str) -> str:
    return of_database(f"pg_stat_user_indexes_{name}_total", _NAMED)


def inventory() -> Iterator[Tile]:
    """Yield the largest indexes with how much they were used."""
    most = top(50, _SIZE)
    scans = total(BY_INDEX, so_far(_counter("idx_scan")))
    entries = total(BY_INDEX, so_far(_counter("idx_tup_read")))
    yield table(
        "Largest indexes",
        "Sizes, and scans within the time shown. An index without scans here is not"
        " unused yet: advice below weighs weeks, standbys and constraints.",
        [most, f"{scans} and {most}", f"{entries} and {most}"],
        columns=[
            Column("indexrelname", "Index"),
            Column("relname", "Table"),
            Column("schemaname", "Schema"),
            Column("datname", "Database"),
            Column("server", "Server"),
            Column("Value #A", "Size", unit="bytes"),
            Column("Value #B", "Scans", unit="short", steps={0: "orange", 1: "text"}),
            Column("Value #C", "Entries read", unit="short"),
        ],
        sort_by="Size",
        width=24,
        height=12,
    )


def use() -> Iterator[Tile]:
    """Yield how indexes are used."""
    scanned = _counter("idx_scan")
    yield graph(
        "Index scans",
        "Scans per second of the ten indexes with most.",
        [
            Query(
                busiest(
                    total(BY_INDEX, rate(scanned)),
                    total(BY_INDEX, over_range(scanned)),
                ),
                INDEX,
            )
        ],
        unit="ops",
    )
    yield from _entries()


def _entries() -> Iterator[Tile]:
    """Yield what indexes read for what they find."""
    found = total(
        "server", rate(of_database("pg_stat_user_indexes_idx_blks_hit_total"))
    )
    read = total(
        "server", rate(of_database("pg_stat_user_indexes_idx_blks_read_total"))
    )
    yield graph(
        "Cache hits of indexes",
        "Share of index blocks found in shared buffers.",
        [Query(over(found, f"{found} + {read}"))],
        unit="percentunit",
        maximum=1,
    )
    fetched = total(BY_INDEX, so_far(_counter("idx_tup_fetch")))
    entries = total(BY_INDEX, so_far(_counter("idx_tup_read")))
    yield bars(
        "Entries read per tuple",
        "Index entries read for each tuple that a plain index scan fetched, the ten"
        " indexes with most. Many say that the index does not fit its queries, or that"
        " only bitmap or index-only scans use it.",
        [Query(top(10, over(entries, fetched)), INDEX)],
        unit="short",
        steps={0: "blue"},
    )


def missing() -> Iterator[Tile]:
    """Yield where indexes may be missing, and what they weigh."""
    read = of_database("pg_stat_user_tables_seq_tup_read_total", 'relname!="other"')
    scans = of_database("pg_stat_user_tables_seq_scan_total", 'relname!="other"')
    yield bars(
        "Tuples per sequential scan",
        "Tuples that one sequential scan reads, on average over the time shown; the"
        " ten tables with most. A filter on them wants an index.",
        [
            Query(
                top(
                    10,
                    over(total(BY_TABLE, so_far(read)), total(BY_TABLE, so_far(scans))),
                ),
                TABLE,
            )
        ],
        unit="short",
        steps={0: "blue"},
    )
    yield from _weight()


def _weight() -> Iterator[Tile]:
    """Yield what indexes weigh, and what was done about them."""
    indexes = largest(
        BY_TABLE, of_database("pg_table_indexes_bytes", 'relname!="other"')
    )
    size = largest(BY_TABLE, of_database("pg_table_size_bytes", 'relname!="other"'))
    yield bars(
        "Indexes by table",
        "Size of all indexes as a multiple of the table's own, the ten tables with"
        " most, of those with a megabyte.",
        [Query(top(10, f"{indexes} / ({size} >= 1e6)"), TABLE)],
        unit="short",
        steps={0: "green", 2: "orange", 5: "red"},
    )
    kinds = 'kind=~"create_index|drop_index|drop_invalid_index|reindex"'
    acted = total("kind, state", of_server("pgvigil_actions", kinds))
    yield bars(
        "Actions on indexes",
        "Proposals and actions in the journal, by what became of them.",
        [Query(acted, "{{kind}} {{state}}")],
        unit="none",
        steps={0: "blue"},
    )
