"""All watched servers on one page: what is wrong, who works, who waits, what it costs.

Times of statements are seconds of execution per second, which is the average
number of backends at work. Rankings hold for the whole graph, so a line does not
come and go; what is not ranked is summed up as everything else.
"""

from __future__ import annotations

from dashboards.modernise import Json
from dashboards.panels import board
from dashboards.parts import Section, Text, Variable
from dashboards.promql import of_daemon, of_server
from dashboards.rows import activity, daemon, health, storage


def dashboard() -> Json:
    """Return the overview of all servers."""
    return board(
        uid="pgvigil-overview",
        title="pgvigil / Overview",
        description="PostgreSQL servers as pgvigil sees them.",
        variables=[
            Variable("job", "Job", "label_values(pg_up, job)"),
            Variable("server", "Server", f"label_values({of_daemon('pg_up')}, server)"),
            Variable(
                "datname",
                "Database",
                f"label_values({of_server('pg_stat_database_numbackends')}, datname)",
                all_value=".*",
            ),
            Text("pgvigil", "pgvigil's address", "http://127.0.0.1:9843"),
        ],
        links={
            "pgvigil's page": f"{health.PAGE}/",
            "Findings": f"{health.PAGE}/#findings",
        },
        sections=[
            Section("Now", list(health.now())),
            Section("Findings", list(health.findings())),
            Section("Connections", list(activity.connections())),
            Section("Work", list(activity.work())),
            Section("Statements", list(activity.statements())),
            Section("Locks and waits", list(activity.locks())),
            Section("Replication", list(storage.replication())),
            Section("Tables and vacuum", list(storage.tables())),
            Section("WAL and checkpoints", list(storage.wal())),
            Section("pgvigil itself", list(daemon.daemon())),
        ],
    )
