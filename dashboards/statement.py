"""One statement: how often it runs, how long, for whom, and what it touches."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section, Variable
from dashboards.rows import statements


def dashboard() -> Json:
    """Return the dashboard of one statement."""
    return board(
        uid="pgvigil-statement",
        title="One statement",
        description="What one statement takes, by role and over time.",
        anchor="#statements",
        variables=[
            Variable(
                "queryid",
                "Statement",
                f"label_values({statements.counter('calls')}, queryid)",
                is_single=True,
            )
        ],
        sections=[
            Section("In the time shown", list(statements.figures())),
            Section("Over time", list(statements.one_over_time())),
            Section("Of one call", list(statements.one())),
        ],
    )
