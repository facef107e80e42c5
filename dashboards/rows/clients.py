"""Who is connected, through what, and how sessions end."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.panels import bars, graph
from dashboards.parts import Query, Tile
from dashboards.promql import (
    largest,
    of_database,
    of_server,
    over,
    rate,
    top,
    total,
)
from dashboards.rows.activity import CONNECTIONS

POOL = "{{server}} {{datname}} {{usename}}"


def whose() -> Iterator[Tile]:
    """Yield whose connections there are."""
    for label, title in (
        ("usename", "Connections by role"),
        ("application_name", "Connections by application"),
        ("datname", "Connections by database"),
    ):
        yield graph(
            title,
            "Client connections, the twenty largest groups.",
            [Query(top(20, total(label, CONNECTIONS)), f"{{{{{label}}}}}")],
            unit="none",
            stacked=True,
        )


def limits() -> Iterator[Tile]:
    """Yield how near roles and databases are to their own limits."""
    taken = largest("server, usename", of_server("pg_role_connections"))
    allowed = largest("server, usename", of_server("pg_role_connection_limit"))
    yield bars(
        "Limits of roles",
        "Share of its own connection limit that a role uses, the ten nearest to it.",
        [Query(top(10, over(taken, allowed)), "{{server}} {{usename}}")],
        unit="percentunit",
        steps={0: "green", 0.8: "orange", 0.95: "red"},
        maximum=1,
    )
    backends = largest("server, datname", of_database("pg_stat_database_numbackends"))
    limit = largest("server, datname", of_database("pg_stat_database_connection_limit"))
    yield bars(
        "Limits of databases",
        "Share of its own connection limit that a database uses, where it has one.",
        [Query(top(10, over(backends, limit)), "{{server}} {{datname}}")],
        unit="percentunit",
        steps={0: "green", 0.8: "orange", 0.95: "red"},
        maximum=1,
    )
    age = of_database("pg_stat_activity_max_state_seconds", 'state!="active"')
    yield graph(
        "Longest without a change",
        "How long the longest connection in a state has been in it; old idle ones are"
        " often forgotten.",
        [Query(largest("server, state", age), "{{server}} {{state}}")],
        unit="s",
    )


def sessions() -> Iterator[Tile]:
    """Yield how sessions begin and end."""
    begun = rate(of_database("pg_stat_database_sessions_total"))
    yield graph(
        "Sessions begun",
        "Sessions per second; from PostgreSQL 14. Many ask for a pooler.",
        [Query(total("server, datname", begun), "{{server}} {{datname}}")],
        unit="ops",
    )
    yield graph(
        "Sessions that ended badly",
        "Sessions per second that lost their connection, ended in a fatal error, or"
        " were terminated; from PostgreSQL 14.",
        [
            Query(
                f"sum({rate(of_database(f'pg_stat_database_sessions_{end}_total'))})",
                end,
            )
            for end in ("abandoned", "fatal", "killed")
        ],
        unit="ops",
        stacked=True,
    )
    active = rate(of_database("pg_stat_database_active_time_seconds_total"))
    whole = rate(of_database("pg_stat_database_session_time_seconds_total"))
    yield graph(
        "Time that sessions work",
        "Share of the time of sessions in which they execute; from PostgreSQL 14. A"
        " small one asks for a pooler in transaction mode.",
        [
            Query(
                over(total("server, datname", active), total("server, datname", whole)),
                "{{server}} {{datname}}",
            )
        ],
        unit="percentunit",
        maximum=1,
    )


def pools() -> Iterator[Tile]:
    """Yield what PgBouncer's pools do, where its console can be reached."""
    clients = [
        Query(
            total(
                "server, datname, usename",
                of_database(f"pg_pgbouncer_pools_clients_{what}"),
            ),
            f"{POOL} {what}",
        )
        for what in ("active", "waiting")
    ]
    yield graph(
        "PgBouncer: clients",
        "Clients that have a server connection, and clients that wait for one.",
        clients,
        unit="none",
        stacked=True,
    )
    waited = of_database("pg_pgbouncer_pools_max_wait_seconds")
    yield graph(
        "PgBouncer: longest wait",
        "How long the first client in the queue of a pool waits.",
        [Query(largest("server, datname, usename", waited), POOL)],
        unit="s",
    )
    yield from _pool_servers()


def _pool_servers() -> Iterator[Tile]:
    """Yield what pools have of their servers."""
    servers = [
        Query(
            f"sum({of_database(f'pg_pgbouncer_pools_servers_{what}')})",
            what,
        )
        for what in ("active", "idle", "used", "login")
    ]
    yield graph(
        "PgBouncer: server connections",
        "Connections of the pools to their servers, by what they do.",
        servers,
        unit="none",
        stacked=True,
    )
    current = of_database("pg_pgbouncer_databases_current_connections")
    size = of_database("pg_pgbouncer_databases_pool_size")
    yield bars(
        "PgBouncer: connections of databases",
        "Server connections there are for each one that a pool may have. Each role has"
        " a pool, so that there may be more than one.",
        [
            Query(
                top(
                    10,
                    over(
                        largest("server, name", current),
                        largest("server, name", size),
                    ),
                ),
                "{{server}} {{name}}",
            )
        ],
        unit="percentunit",
        steps={0: "green", 0.8: "orange", 1: "red"},
    )
