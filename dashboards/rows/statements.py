"""Which statements take the time, and what one of them does."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.links import to_board
from dashboards.panels import graph, number, table
from dashboards.parts import Column, Query, Steps, Tile
from dashboards.promql import (
    busiest,
    increase,
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

LABELS = "server, datname, usename, queryid"
LEGEND = "{{server}} {{datname}} {{usename}} {{queryid}}"
ONE = 'queryid=~"$queryid"'
_NAMED = 'queryid!="other"'
_ROWS = 50


def counter(name: str, *matchers: str) -> str:
    """Return the selector of a counter of statements."""
    return of_database(f"pg_stat_statements_{name}_total", *matchers)


def busy() -> Iterator[Tile]:
    """Yield which statements take the time, and how long they take."""
    named = counter("exec_time_seconds", _NAMED)
    ranked = busiest(total(LABELS, rate(named)), total(LABELS, over_range(named)))
    everything = rate(counter("exec_time_seconds"))
    yield graph(
        "Time in statements",
        "Seconds of execution per second of the ten statements that took most, and of"
        " all others. Texts are on pgvigil's page, by queryid.",
        [
            Query(ranked, LEGEND),
            Query(f"sum({everything}) - sum({ranked})", "everything else"),
        ],
        unit="none",
        width=16,
        stacked=True,
    )
    calls = total("server", rate(counter("calls")))
    yield graph(
        "Mean time of statements",
        "Execution time by number of executions, over all statements.",
        [Query(over(total("server", everything), calls))],
        unit="s",
    )


_COLUMNS = (
    Column(
        "queryid",
        "Statement",
        link=to_board("pgvigil-statement", "server", "datname", "queryid"),
        width=190,
    ),
    Column("usename", "Role"),
    Column("datname", "Database"),
    Column("server", "Server"),
    Column("Value #A", "Time", unit="s"),
    Column("Value #B", "Calls", unit="short"),
    Column("Value #C", "Mean", unit="s"),
    Column("Value #D", "Rows per call", unit="short"),
    Column("Value #E", "Cache hits", unit="percentunit"),
    Column("Value #F", "Temp blocks", unit="short"),
    Column("Value #G", "WAL", unit="bytes"),
)


def ranking() -> Iterator[Tile]:
    """Yield the statements that took most of the time that is shown."""
    most = top(_ROWS, total(LABELS, so_far(counter("exec_time_seconds", _NAMED))))

    def of_those(name: str) -> str:
        return f"{total(LABELS, so_far(counter(name, _NAMED)))}\n  and {most}"

    calls = total(LABELS, so_far(counter("calls", _NAMED)))
    hits = total(LABELS, so_far(counter("shared_blks_hit", _NAMED)))
    reads = total(LABELS, so_far(counter("shared_blks_read", _NAMED)))
    yield table(
        "Statements",
        "What took most time within the time shown. A click on a statement shows it"
        " alone; its text is on pgvigil's page.",
        [
            most,
            of_those("calls"),
            over(most, calls),
            over(of_those("rows").replace("\n ", ""), calls),
            f"({over(hits, f'{hits} + {reads}')})\n  and {most}",
            of_those("temp_blks_written"),
            of_those("wal_bytes"),
        ],
        columns=_COLUMNS,
        sort_by="Time",
        width=24,
        height=14,
    )


_RESOURCES = (
    (
        "shared_blks_read",
        "Blocks read by statements",
        "Blocks per second from outside shared buffers",
        "ops",
    ),
    (
        "temp_blks_written",
        "Temporary blocks of statements",
        "Blocks of temporary files per second, because work_mem was too small",
        "ops",
    ),
    ("wal_bytes", "WAL of statements", "Bytes of WAL per second", "Bps"),
    (
        "blk_read_time_seconds",
        "Time statements spend reading",
        "Seconds per second; 0 where track_io_timing is off",
        "none",
    ),
    (
        "plan_time_seconds",
        "Time in planning",
        "Seconds per second; 0 where pg_stat_statements.track_planning is off",
        "none",
    ),
    ("calls", "Calls of statements", "Executions per second", "ops"),
)


def resources() -> Iterator[Tile]:
    """Yield which statements read, write and plan most."""
    for name, title, text, unit in _RESOURCES:
        named = counter(name, _NAMED)
        yield graph(
            title,
            f"{text}. The ten statements with most.",
            [
                Query(
                    busiest(
                        total(LABELS, rate(named)), total(LABELS, over_range(named))
                    ),
                    LEGEND,
                )
            ],
            unit=unit,
        )


def bookkeeping() -> Iterator[Tile]:
    """Yield how complete what pg_stat_statements knows is."""
    other = rate(counter("exec_time_seconds", 'queryid="other"'))
    everything = total("server", rate(counter("exec_time_seconds")))
    yield graph(
        "Time without a name",
        "Share of the time that belongs to statements without series of their own.",
        [Query(over(total("server", other), everything))],
        unit="percentunit",
        maximum=1,
    )
    evicted = increase(of_server("pg_stat_statements_info_deallocations_total"))
    yield graph(
        "Evictions",
        "Times that pg_stat_statements dropped its least used entries between two"
        " points of the graph. What was dropped is not counted; raise"
        " pg_stat_statements.max.",
        [Query(total("server", evicted))],
        unit="none",
    )
    room = of_server("pg_stat_statements_info_max_entries")
    yield graph(
        "Room for statements",
        "Statements that pg_stat_statements can hold.",
        [Query(largest("server", room))],
        unit="none",
    )


def figures() -> Iterator[Tile]:
    """Yield what one statement did in the time that is shown."""
    time = so_far(counter("exec_time_seconds", ONE))
    calls = so_far(counter("calls", ONE))
    rows = so_far(counter("rows", ONE))
    blue: Steps = {0: "blue"}
    for title, text, expr, unit in (
        ("Time", "Execution time within the time shown.", f"sum({time})", "s"),
        ("Calls", "Executions within the time shown.", f"sum({calls})", "short"),
        (
            "Mean time",
            "Execution time by number of executions.",
            f"sum({time}) / (sum({calls}) > 0)",
            "s",
        ),
        (
            "Rows per call",
            "Rows returned or affected by one execution.",
            f"sum({rows}) / (sum({calls}) > 0)",
            "short",
        ),
        (
            "Share of all time",
            "Of the time of all statements of the chosen databases.",
            f"sum({time}) / (sum({so_far(counter('exec_time_seconds'))}) > 0)",
            "percentunit",
        ),
        (
            "Roles",
            "Roles that ran it. The same statement has the same queryid for each.",
            f"count({total('usename', calls)} > 0)",
            "none",
        ),
    ):
        yield number(title, text, [Query(expr)], unit=unit, steps=blue)


def one() -> Iterator[Tile]:
    """Yield what one statement does, by role."""
    by_role = "server, datname, usename"
    legend = "{{server}} {{datname}} {{usename}}"
    calls = total(by_role, rate(counter("calls", ONE)))
    for name, title, text, unit in (
        ("exec_time_seconds", "Mean time by role", "Execution time of one call", "s"),
        ("plan_time_seconds", "Planning by role", "Planning time of one call", "s"),
        ("rows", "Rows of one call", "Rows returned or affected by one call", "short"),
        (
            "shared_blks_hit",
            "Blocks found by one call",
            "Blocks that one call found in shared buffers",
            "short",
        ),
        (
            "shared_blks_read",
            "Blocks read by one call",
            "Blocks that one call read from outside shared buffers",
            "short",
        ),
        ("wal_bytes", "WAL of one call", "Bytes of WAL that one call wrote", "bytes"),
    ):
        used = total(by_role, rate(counter(name, ONE)))
        yield graph(
            title,
            f"{text}, by role. Where roles differ, policies or plans do.",
            [Query(over(used, calls), legend)],
            unit=unit,
        )


def one_over_time() -> Iterator[Tile]:
    """Yield how much one statement works."""
    by_role = "server, datname, usename"
    legend = "{{server}} {{datname}} {{usename}}"
    for name, title, text, unit in (
        (
            "exec_time_seconds",
            "Time by role",
            "Seconds of execution per second",
            "none",
        ),
        ("calls", "Calls by role", "Executions per second", "ops"),
    ):
        yield graph(
            title,
            f"{text}, by role.",
            [Query(total(by_role, rate(counter(name, ONE))), legend)],
            unit=unit,
            stacked=True,
        )
    difference = of_database("pgvigil_rls_tax_seconds", ONE)
    yield graph(
        "Observed difference between roles",
        "Mean time under policies less that under a role that bypasses them. Exact,"
        " and biased where the roles ask for different rows. Below 0 a policy gives"
        " the planner an index.",
        [
            Query(
                largest("server, datname, relname, rolname", difference),
                "{{server}} {{relname}} {{rolname}}",
            )
        ],
        unit="s",
    )
