"""Whether policies keep to ten milliseconds, and how well that is known."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph, heat, number
from dashboards.parts import Query, Tile
from dashboards.promql import increase, of_database, rate, so_far, top, total
from dashboards.rows.tables import BY_TABLE, TABLE

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
_WITHIN = "histogram_quantile(0.95, {})"


def _overheads(*matchers: str) -> str:
    return of_database("pgvigil_rls_policy_overhead_seconds_bucket", *matchers)


def target() -> Iterator[Tile]:
    """Yield whether policies keep to the ten milliseconds."""
    measured = total("le", so_far(_overheads()))
    yield number(
        "Probed: 95th percentile",
        "What policies added to 95 of 100 probed statements, at most, within the time"
        " shown. The target is 10 ms.",
        [Query(_WITHIN.format(measured))],
        unit="s",
        steps={0: GREEN, 0.005: ORANGE, 0.01: RED},
    )
    fast = so_far(_overheads('le=~"0.01|0.010"'))
    every = so_far(_overheads('le="+Inf"'))
    slow = f"1 - sum({fast})\n  / (sum({every}) > 0)"
    yield number(
        "Probed: budget burnt",
        "Share of probed statements above 10 ms, as a multiple of the 5 % that the"
        " target allows. Above 1 the target is missed.",
        [Query(f"({slow}) / 0.05")],
        unit="none",
        steps={0: GREEN, 0.5: ORANGE, 1: RED},
    )
    protected = of_database("pgvigil_rls_tables", 'state="protected"')
    yield number(
        "Tables protected",
        "Tables with row level security and policies.",
        [Query(f"sum({protected})")],
        unit="none",
        steps={0: BLUE},
    )
    yield from _certainty()


def _certainty() -> Iterator[Tile]:
    """Yield what is protected, and how well figures are known."""
    exposed = of_database("pgvigil_rls_tables", 'state=~"off|open"')
    yield number(
        "Tables open or off",
        "Tables all rows of which an API role may reach, and tables whose policies are"
        " not in force.",
        [Query(f"sum({exposed}) or vector(0)")],
        unit="none",
        steps={0: GREEN, 1: RED},
    )
    age = of_database("pgvigil_rls_probe_timestamp_seconds")
    yield number(
        "Oldest probe",
        "Age of the oldest of the last probes. What it says of policies is as old.",
        [Query(f"time() - min({age})")],
        unit="s",
        steps={0: GREEN, 7200: ORANGE, 86400: RED},
    )
    sound = of_database("pgvigil_rls_probe_status", 'status="ok"')
    tried = of_database("pgvigil_rls_probe_status")
    yield number(
        "Probes that can be trusted",
        "Share of last probes, by table and persona, that gave a steady figure.",
        [Query(f"(sum({sound}) or vector(0)) / (sum({tried}) > 0)")],
        unit="percentunit",
        steps={0: RED, 0.5: ORANGE, 0.9: GREEN},
    )


def target_over_time() -> Iterator[Tile]:
    """Yield how what policies add is spread, and how it changes."""
    every = total("le", rate(_overheads()))
    yield heat(
        "Probed: what policies add",
        "How often policies added how much to a probed statement.",
        total("le", increase(_overheads())),
        unit="s",
    )
    by_table = total(f"le, {BY_TABLE}", so_far(_overheads()))
    yield bars(
        "Probed: 95th percentile by table",
        "The ten tables whose policies add most to probed statements. The target is"
        " 10 ms.",
        [Query(top(10, _WITHIN.format(by_table)), TABLE)],
        unit="s",
        steps={0: GREEN, 0.005: ORANGE, 0.01: RED},
    )
    yield graph(
        "Probed: percentiles",
        "What policies added to 50 and to 95 of 100 probed statements, at most.",
        [
            Query(_WITHIN.format(every), "95th"),
            Query(f"histogram_quantile(0.5, {every})", "50th"),
            Query("vector(0.01)", "target", is_limit=True),
        ],
        unit="s",
    )
