"""What pgvigil would do, does and has done."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.links import PAGE
from dashboards.panels import graph, number, states, table
from dashboards.parts import Column, Query, Steps, Tile
from dashboards.promql import largest, of_daemon, of_server, total

WAITING = 'state="awaiting_approval"'
FAILED = 'state=~"failed_clean|needs_human|half_done|repairing"'
RUNNING = 'state=~"precheck|executing|verifying"'


_FIGURES: tuple[tuple[str, str, str, Steps], ...] = (
    (
        "Proposed",
        "Actions that pgvigil proposes or reports and does not carry out.",
        'state=~"proposed|reported"',
        {0: "blue"},
    ),
    (
        "Await approval",
        "Actions that an operator has to approve or to reject.",
        WAITING,
        {0: "green", 1: "orange"},
    ),
    ("Running", "Actions that are being carried out.", RUNNING, {0: "blue"}),
    (
        "Done",
        "Actions in the journal that were carried out.",
        'state="done"',
        {0: "green"},
    ),
    (
        "Failed",
        "Actions that failed, or that only an operator can end.",
        FAILED,
        {0: "green", 1: "red"},
    ),
)


def now() -> Iterator[Tile]:
    """Yield how many actions wait, run and failed."""
    for title, text, matcher, steps in _FIGURES:
        found = of_server("pgvigil_actions", matcher)
        yield number(
            title,
            text,
            [Query(f"sum({found}) or vector(0)")],
            unit="none",
            steps=steps,
        )
    yield number(
        "Stopped by an operator",
        "Daemons on which an operator has stopped all actions.",
        [Query(f"sum({of_daemon('pgvigil_paused')})")],
        unit="none",
        steps={0: "green", 1: "orange"},
    )


def journal() -> Iterator[Tile]:
    """Yield the journal by kind and state."""
    labels = "server, kind, state"
    found = of_server("pgvigil_actions")
    yield table(
        "Journal",
        "Actions by kind and by what became of them. The server's page has each with"
        " its statement, its reason and its undo.",
        largest(labels, found),
        columns=[
            Column("kind", "Action"),
            Column("state", "State"),
            Column("server", "Server", link=f"{PAGE}/?target=${{__value.raw}}#actions"),
            Column("Value", "Actions"),
        ],
        sort_by="Actions",
        width=12,
    )
    yield graph(
        "Actions by state",
        "Actions in the journals of all chosen servers.",
        [Query(total("state", largest(labels, found)), "{{state}}")],
        unit="none",
        width=12,
        stacked=True,
    )


def abilities() -> Iterator[Tile]:
    """Yield what servers and roles allow."""
    labels = "server, name"
    yield states(
        "What servers allow",
        "Features that a server and our role there allow, or not."
        " `pgvigil print-grants` says what to grant.",
        [
            Query(
                largest(labels, of_server("pgvigil_capability")), "{{server}} {{name}}"
            )
        ],
        names={0: ("no", "orange"), 1: ("yes", "green")},
        width=24,
    )
