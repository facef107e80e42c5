"""Row level security: observed, probed, estimated and avoidable, told apart.

Observed is the time of statements under policies, and exact. Probed is what
policies cost a row, measured on a sample. Estimated multiplies rows by that cost.
Avoidable is what a proven rewrite would save.
"""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.links import to_board
from dashboards.panels import graph, table
from dashboards.parts import Column, Query, Tile
from dashboards.promql import (
    busiest,
    largest,
    of_database,
    over_range,
    rate,
    so_far,
    total,
)
from dashboards.rows.tables import BY_TABLE, TABLE

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"
_NAMED = (
    Column("relname", "Table"),
    Column("schemaname", "Schema"),
    Column("datname", "Database"),
    Column("server", "Server"),
)
_STATUSES = {
    "ok": 1,
    "unstable": 2,
    "skipped": 3,
    "timeout": 4,
    "no_privilege": 5,
    "error": 6,
}
_STATUS_NAMES = {
    1: ("ok", GREEN),
    2: ("unstable", ORANGE),
    3: ("skipped", BLUE),
    4: ("timeout", RED),
    5: ("no privilege", RED),
    6: ("error", RED),
}


def observed() -> Iterator[Tile]:
    """Yield the time of statements under policies, which is exact."""
    seconds = of_database("pgvigil_rls_statement_seconds_total")
    labels = f"{BY_TABLE}, rolname"
    yield graph(
        "Observed: time of statements under policies",
        "Seconds per second of the statements that policies bind, whole: not the time"
        " of policies. Exact. A statement counts for each protected table it reads.",
        [
            Query(
                busiest(
                    total(labels, rate(seconds)), total(labels, over_range(seconds))
                ),
                TABLE + " {{rolname}}",
            )
        ],
        unit="none",
        width=16,
    )
    calls = of_database("pgvigil_rls_statement_calls_total")
    yield graph(
        "Observed: calls under policies",
        "Calls per second of those statements, by how it is known that policies bind"
        " them: the server was asked, or their text was read.",
        [
            Query(
                total("rolname, attribution", rate(calls)),
                "{{rolname}} {{attribution}}",
            )
        ],
        unit="ops",
    )


def differences() -> Iterator[Tile]:
    """Yield what the same statement takes under policies and without."""
    labels = f"{BY_TABLE}, rolname, queryid"
    yield table(
        "Observed: difference between roles",
        "Mean time of a statement under policies less that of the same statement under"
        " a role that bypasses them. Biased where the roles ask for different rows;"
        " below 0 a policy gives the planner an index.",
        largest(labels, of_database("pgvigil_rls_tax_seconds")),
        columns=[
            Column(
                "queryid",
                "Statement",
                link=to_board("pgvigil-statement", "server", "datname", "queryid"),
                width=190,
            ),
            Column("rolname", "Role"),
            *_NAMED,
            Column("Value", "Difference", unit="s"),
        ],
        sort_by="Difference",
    )
    helper = of_database("pgvigil_rls_helper_function_seconds_total")
    yield graph(
        "Observed: time in helper functions",
        "Seconds per second in functions that policies call, as far as the server"
        " counts them: inlined ones are not, others less than they take.",
        [
            Query(
                busiest(
                    total("server, datname, function, source", rate(helper)),
                    total("server, datname, function, source", over_range(helper)),
                ),
                "{{server}} {{function}} {{source}}",
            )
        ],
        unit="none",
    )


def probed() -> Iterator[Tile]:
    """Yield what policies cost a row, with age and quality of the figure."""
    labels = f"{BY_TABLE}, persona"
    statuses = " or ".join(
        f"{number} * "
        + largest(labels, of_database("pgvigil_rls_probe_status", f'status="{name}"'))
        for name, number in _STATUSES.items()
    )
    cost = "pgvigil_rls_policy_row_cost"
    age = largest(labels, of_database("pgvigil_rls_probe_timestamp_seconds"))
    yield table(
        "Probed: cost of policies for each row",
        "Measured on a sample of the table as a persona, against a role that bypasses"
        " policies. Low and high are the spread of the rounds; a probe that was not"
        " steady has no figure.",
        [
            statuses,
            f"time() - {age}",
            largest(labels, of_database(f"{cost}_seconds")),
            largest(labels, of_database(f"{cost}_low_seconds")),
            largest(labels, of_database(f"{cost}_high_seconds")),
        ],
        columns=[
            *_NAMED,
            Column("persona", "Persona"),
            Column("Value #C", "Cost per row", unit="s"),
            Column("Value #D", "Low", unit="s"),
            Column("Value #E", "High", unit="s"),
            Column("Value #A", "Last probe", names=_STATUS_NAMES),
            Column(
                "Value #B",
                "Age",
                unit="s",
                steps={0: "text", 7200: ORANGE, 86400: RED},
            ),
        ],
        sort_by="Cost per row",
        width=24,
        height=10,
    )


def estimated() -> Iterator[Tile]:
    """Yield what policies take by estimate, with what the estimate rests on."""
    seconds = of_database("pgvigil_rls_policy_estimated_seconds_total")
    rows = of_database("pgvigil_rls_rows_examined_total")
    most = total(BY_TABLE, over_range(seconds))
    yield graph(
        "Estimated: time of policies",
        "Seconds per second that policies take: rows examined times probed cost times"
        " the share of the time that policies bind. An estimate, as good as its"
        " quality beside it.",
        [Query(busiest(total(BY_TABLE, rate(seconds)), most), TABLE)],
        unit="none",
    )
    yield table(
        "Estimated: what it rests on",
        "The estimate within the time shown: rows examined, and the share of the time"
        " of statements that policies bind. Quality says how much of that is measured"
        " and current.",
        [
            total(BY_TABLE, so_far(seconds)),
            total(BY_TABLE, so_far(rows)),
            largest(BY_TABLE, of_database("pgvigil_rls_statement_share_ratio")),
            largest(BY_TABLE, of_database("pgvigil_rls_policy_estimate_quality_ratio")),
        ],
        columns=[
            *_NAMED,
            Column("Value #A", "Time", unit="s"),
            Column("Value #B", "Rows", unit="short"),
            Column("Value #C", "Share", unit="percentunit"),
            Column(
                "Value #D",
                "Quality",
                unit="percentunit",
                steps={0: RED, 0.5: ORANGE, 0.8: GREEN},
            ),
        ],
        sort_by="Time",
    )


def avoidable() -> Iterator[Tile]:
    """Yield what proven rewrites would save, and what is open."""
    labels = f"{BY_TABLE}, policyname, rule"
    yield table(
        "Avoidable: by a rewrite of the policy",
        "Time that one call of the probe's statement would save, where sampled rows"
        " are judged alike by both and the prediction is trusted. pgvigil's page has"
        " the statement and its undo.",
        largest(labels, of_database("pgvigil_rls_avoidable_seconds")),
        columns=[
            *_NAMED,
            Column("policyname", "Policy"),
            Column("rule", "Rewrite"),
            Column("Value", "Saved per call", unit="s"),
        ],
        sort_by="Saved per call",
    )
    states = of_database("pgvigil_rls_tables")
    yield graph(
        "Tables by state",
        "Protected; closed: no policy, so that nobody sees a row; off: policies that"
        " are not in force; open: an API role may reach all rows.",
        [Query(total("state", states), "{{state}}")],
        unit="none",
        stacked=True,
    )
