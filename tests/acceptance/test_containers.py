"""The image and a containerised server, where a Docker-compatible engine answers."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from testcontainers.community.postgres import PostgresContainer

from tests.companions import free_port
from tests.daemon import running, wait_until

ROOT = Path(__file__).parent.parent.parent
IMAGE = "pgvigil:test"

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def engine() -> Any:
    """Return a client of the engine, or skip."""
    docker = pytest.importorskip("docker", reason="the docker package is missing")
    try:
        client = docker.from_env()
        client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no engine
        pytest.skip(f"no Docker-compatible engine answers: {type(error).__name__}")
    return client


@pytest.fixture(scope="module")
def postgres(engine: Any) -> Iterator[str]:
    """Run PostgreSQL 15 in a container and return the superuser's conninfo."""
    del engine
    container = PostgresContainer("postgres:15", driver=None).with_command(
        "postgres -c shared_preload_libraries=pg_stat_statements"
    )
    with container:
        host = container.get_container_host_ip()
        port = container.get_exposed_port(5432)
        conninfo = (
            f"host={host} port={port} user={container.username} "
            f"password={container.password} dbname={container.dbname}"
        )
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
        yield conninfo


def test_a_containerised_server_is_watched(postgres: str, tmp_path: Path) -> None:
    with running(tmp_path, {"targets": [{"name": "boxed", "dsn": postgres}]}) as daemon:
        wait_until(lambda: daemon.value("pg_up", server="boxed") == 1)
        info = [
            labels for (name, labels) in daemon.samples() if name == "pg_server_info"
        ]

    assert json.loads(info[0])["version"].startswith("15.")


@pytest.fixture(scope="module")
def image(engine: Any) -> str:
    """Build the image as README's readers would."""
    engine.images.build(path=str(ROOT), tag=IMAGE, rm=True)
    return IMAGE


def test_the_image_runs_as_nobody_and_says_its_version(engine: Any, image: str) -> None:
    output = engine.containers.run(image, ["version"], remove=True)

    user = engine.images.get(image).attrs["Config"]["User"]
    assert b"pgvigil" in output
    assert user == "65532:65532"


def test_the_image_watches_a_server_read_only(
    engine: Any, image: str, postgres: str
) -> None:
    port = free_port()
    container = engine.containers.run(
        image,
        detach=True,
        network_mode="host",
        read_only=True,
        tmpfs={"/var/lib/pgvigil": "mode=1777", "/tmp": "mode=1777"},
        environment={
            "PGVIGIL_TARGETS__0__NAME": "boxed",
            "PGVIGIL_TARGETS__0__DSN": postgres,
            "PGVIGIL_HTTP__LISTEN": f"127.0.0.1:{port}",
        },
    )
    try:

        def is_up() -> bool:
            try:
                url = f"http://127.0.0.1:{port}/metrics"
                with urllib.request.urlopen(url, timeout=2) as response:
                    return b'pg_up{server="boxed"} 1' in response.read()
            except OSError:
                return False

        wait_until(is_up, seconds=60, what=lambda: container.logs().decode()[-2000:])
        started = time.monotonic()
        container.stop(timeout=10)
        seconds = time.monotonic() - started
        status = container.wait()["StatusCode"]
    finally:
        container.remove(force=True)
    print(f"\nstopped in {seconds:.1f} s")

    assert status == 0
