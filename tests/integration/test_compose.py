"""The composition's own configurations, as the tools and servers read them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg

from monitor.postgres.throwaway import ThrowawayServer
from tests import companions

COMPOSE = Path(__file__).parent.parent.parent / "deploy" / "compose"


def complaints(program: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [str(companions.require(program)), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_accepts_the_configuration() -> None:
    assert complaints("promtool", "check", "config", COMPOSE / "prometheus.yml") == ""


def test_amtool_accepts_the_configuration() -> None:
    assert complaints("amtool", "check-config", COMPOSE / "alertmanager.yml") == ""


def test_a_shell_accepts_the_preparation_of_the_server() -> None:
    assert complaints("sh", "-n", COMPOSE / "postgres" / "10-pgvigil.sh") == ""


def test_a_prepared_server_lets_the_reader_in() -> None:
    script = (COMPOSE / "postgres" / "10-pgvigil.sh").read_text()
    (sql,) = re.findall(r"^\\set .*?\n(.*)^SQL$", script, re.DOTALL | re.MULTILINE)

    with ThrowawayServer() as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute(sql.replace(":'password'", "'secret'").encode())
        reader = server.conninfo(user="pgvigil_reader", password="secret")
        with psycopg.connect(reader) as connection:
            found = connection.execute(
                "select pg_catalog.count(*) from pg_stat_statements"
            ).fetchone()

    assert found is not None
    assert found[0] > 0
