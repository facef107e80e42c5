"""Commands that change a server's schema `monitoring`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict

from monitor.cli.root import pgvigil

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


class Shell:
    """Runs commands in an environment that leads to the test's database."""

    def __init__(self, conninfo: str) -> None:
        parts = conninfo_to_dict(conninfo)
        self._environ = {VARIABLES[k]: str(v) for k, v in parts.items()}

    def run(self, *arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(pgvigil, arguments, env=self._environ, input=answer)

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--output", "json")
        assert result.exception is None, result.output
        return json.loads(result.stdout)


@pytest.fixture
def shell(conninfo: str) -> Shell:
    return Shell(conninfo)


@pytest.mark.pg
def test_installing_twice_is_installing_once(shell: Shell, database: str) -> None:
    first = shell.json("install")["databases"][database]
    second = shell.json("install")["databases"][database]

    assert first["migrations"]
    assert first["views"]
    assert second == {"migrations": [], "views": [], "dropped": []}


def test_status_names_every_version(shell: Shell) -> None:
    planned = shell.json("migrate", "plan")["migrations"]
    rehearsed = shell.json("migrate", "plan", "--rehearse")["migrations"]
    applied = shell.json("migrate", "up")["migrations"]

    status = shell.json("migrate", "status")["migrations"]

    assert planned == rehearsed == applied
    assert {one["condition"] for one in status} == {"applied"}


def test_taking_back_needs_to_be_confirmed(shell: Shell) -> None:
    shell.json("migrate", "up")

    refused = shell.run("migrate", "down")
    done = shell.json("migrate", "down", "--to", "none", "--confirm")["migrations"]

    assert "needs to be confirmed" in str(refused.exception)
    assert len(done) == len(shell.json("migrate", "plan")["migrations"])


def test_uninstalling_asks_first_and_then_leaves_nothing(shell: Shell) -> None:
    shell.json("install")

    declined = shell.run("uninstall", answer="n\n")
    removed = shell.json("uninstall", "--yes")
    again = shell.json("uninstall", "--yes")

    assert declined.exit_code != 0
    assert (removed, again) == ({"removed": True}, {"removed": False})


def test_the_printed_sql_is_what_install_does(
    shell: Shell, conninfo: str, database: str
) -> None:
    script = shell.run("install", "--print-sql", "--version", "18").stdout

    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(script.encode())

    assert shell.json("install")["databases"][database]["migrations"] == []


def test_a_new_migration_is_a_pair_of_files(shell: Shell, tmp_path: Path) -> None:
    result = shell.run("migrate", "new", "Add a table", "--directory", str(tmp_path))

    assert result.exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "001_add_a_table.sql",
        "001_add_a_table.down.sql",
    }
