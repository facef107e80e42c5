"""PostgreSQL servers for the tests: which versions there are, and how to reach one."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn, Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from monitor.model.target import Credentials
from monitor.postgres import binaries as postgres_binaries
from monitor.postgres.throwaway import ThrowawayServer
from tests.install_servers import CACHE

MAJORS = (13, 14, 15, 16, 17, 18)
NEWEST = (18,)
SOME = (13, 15, 18)
SETTINGS = {"pg_stat_statements.max": "50000"}
"""All tests share a server: by default their statements would push each other out."""
READER = "pgvigil_reader"
READER_PASSWORD = "reader's pass\\word"

_SPECIFIER = re.compile(r"(>=|<=|==|<|>)?(\d+)")


class Cluster(Protocol):
    """What fixture `cluster` gives: a throw-away server or the operator's own."""

    host: str
    port: int

    def conninfo(
        self,
        dbname: str = "postgres",
        user: str = "postgres",
        password: str | None = None,
    ) -> str: ...


class ForeignServer:
    """The server of MONITOR_TEST_DSN: it is not ours to stop."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        with psycopg.connect(dsn) as connection:
            self.host = connection.info.host
            self.port = connection.info.port
            self.major = connection.info.server_version // 10000

    def conninfo(
        self,
        dbname: str = "postgres",
        user: str = "postgres",
        password: str | None = None,
    ) -> str:
        changes: dict[str, str] = {"dbname": dbname}
        if user != "postgres":
            changes |= {"user": user, "password": password or ""}
        return make_conninfo(self._dsn, **changes)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        pytest.skip(f"the server of MONITOR_TEST_DSN has no {name!r}")


class Servers:
    """The session's servers: each version is started when it is first wanted."""

    def __init__(self, foreign: ForeignServer | None) -> None:
        self._stack = ExitStack()
        self._running: dict[int, ThrowawayServer] = {}
        self._foreign = foreign

    def get(self, major: int) -> Cluster:
        """Return a running server of this version, or skip the test by name."""
        if self._foreign is not None:
            if self._foreign.major != major:
                pytest.skip(
                    f"PostgreSQL {major}: MONITOR_TEST_DSN is {self._foreign.major}"
                )
            return self._foreign
        if major not in self._running:
            server = ThrowawayServer(SETTINGS, binaries=binaries(major))
            self._running[major] = self._stack.enter_context(server)
        return self._running[major]

    def close(self) -> None:
        self._stack.close()


def binaries(major: int) -> Path:
    """Return the folder of a version's binaries, or skip the test by name."""
    candidates = [
        CACHE / str(major) / "native" / "bin",
        Path(f"/usr/lib/postgresql/{major}/bin"),
    ]
    if major == MAJORS[-1]:
        candidates.insert(0, postgres_binaries.find())
    for candidate in candidates:
        if (candidate / "postgres").exists():
            return candidate
    pytest.skip(f"PostgreSQL {major} is not installed (make servers fetches it)")


def majors(marker: pytest.Mark | None) -> tuple[int, ...]:
    """Return the versions that a test's `pg` marker asks for.

    No marker is the newest; `pg()` is the oldest, 15 and the newest; `pg("all")`
    is every one; `pg(">=16")` or `pg(">=14,<17")` those that satisfy.
    """
    if marker is None:
        return NEWEST
    if not marker.args:
        return SOME
    specifier = str(marker.args[0])
    if specifier == "all":
        return MAJORS
    return tuple(
        m for m in MAJORS if all(_satisfies(m, p) for p in specifier.split(","))
    )


def _satisfies(major: int, part: str) -> bool:
    match = _SPECIFIER.fullmatch(part.strip())
    if match is None:
        raise pytest.UsageError(f"cannot read the version specifier {part!r}")
    operator, wanted = match[1] or "==", int(match[2])
    return {
        ">=": major >= wanted,
        "<=": major <= wanted,
        "==": major == wanted,
        ">": major > wanted,
        "<": major < wanted,
    }[operator]


async def create_reader(admin: psycopg.AsyncConnection[object]) -> None:
    """Create the least-privileged monitoring role, or bring it back to that state."""
    row = await (
        await admin.execute(
            "select 1 from pg_catalog.pg_roles where rolname = %s", [READER]
        )
    ).fetchone()
    if row is None:
        await admin.execute(sql.SQL("create role {}").format(sql.Identifier(READER)))
    await admin.execute(
        sql.SQL(
            "alter role {} login nosuperuser nobypassrls nocreatedb nocreaterole"
            " noreplication inherit connection limit -1 password {}"
        ).format(sql.Identifier(READER), sql.Literal(READER_PASSWORD))
    )
    await admin.execute(
        sql.SQL("grant pg_monitor to {}").format(sql.Identifier(READER))
    )
    await admin.execute("create extension if not exists pg_stat_statements")


def reader_credentials(cluster: Cluster, dbname: str) -> Credentials:
    """Return how the monitoring role connects to a database."""
    return Credentials(
        conninfo=cluster.conninfo(dbname, user=READER, password=READER_PASSWORD)
    )
