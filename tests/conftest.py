"""Fixtures every test may use: real PostgreSQL servers, an isolated environment.

A test that takes `cluster`, or a fixture that rests on it, runs on PostgreSQL 18;
the marker `pg` asks for other versions (see `tests.servers.majors`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from functools import cache

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from psycopg.rows import TupleRow

from monitor.model.target import Credentials
from tests import servers
from tests.platform import platform, platform_by_tenant, platform_templates
from tests.servers import Cluster, ForeignServer, Servers

__all__ = ["platform", "platform_by_tenant", "platform_templates"]

_DSN = os.environ.get("MONITOR_TEST_DSN", "")

# A busy machine is no counterexample.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


def pytest_configure() -> None:
    """Remove what would point the code under test at the developer's own servers."""
    for name in list(os.environ):
        if name.startswith(("PG", "PGVIGIL_")):
            del os.environ[name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each version it asks for."""
    if "major" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("pg")
        wanted = servers.majors(marker)
        if _DSN and (marker is None or not marker.args):
            # The version does not matter to this test: take the one there is.
            wanted = (_foreign().major,)
        metafunc.parametrize("major", wanted, ids=[f"pg{m}" for m in wanted])


@cache
def _foreign() -> ForeignServer:
    return ForeignServer(_DSN)


@pytest.fixture(scope="session")
def running_servers() -> Iterator[Servers]:
    """Hold the session's servers and stop them at its end."""
    running = Servers(_foreign() if _DSN else None)
    yield running
    running.close()


@pytest.fixture
def cluster(running_servers: Servers, major: int) -> Cluster:
    """Return the session's server of a major version."""
    return running_servers.get(major)


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[str]:
    """Return the name of a fresh, empty database, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    identifier = sql.Identifier(name)
    async with await psycopg.AsyncConnection.connect(
        cluster.conninfo(), autocommit=True
    ) as connection:
        await connection.execute(
            sql.SQL("create database {} template template0").format(identifier)
        )
        yield name
        await connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(identifier)
        )


@pytest.fixture
def conninfo(cluster: Cluster, database: str) -> str:
    """Return the superuser's way into the fresh database."""
    return cluster.conninfo(database)


@pytest.fixture
async def admin(
    conninfo: str,
) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    """Return the superuser's connection to the fresh database, in autocommit."""
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True
    ) as connection:
        yield connection


@pytest.fixture
async def reader(
    cluster: Cluster, database: str, admin: psycopg.AsyncConnection[TupleRow]
) -> Credentials:
    """Return how the least-privileged monitoring role enters the fresh database."""
    await servers.create_reader(admin)
    return servers.reader_credentials(cluster, database)
