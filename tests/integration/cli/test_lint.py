"""`pgvigil lint` on a real server: no daemon, nothing installed, nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from monitor.model.target import Credentials
from tests.servers import READER_PASSWORD

pytestmark = [pytest.mark.pg, pytest.mark.requirement("S8.1.1-e")]

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
FLAWED = """
create table ajar (id integer, at date);
create policy "read all" on ajar using (true);
create table slow (id integer primary key, owner integer);
alter table slow enable row level security;
create policy own on slow using (owner = current_setting('app.user')::integer);
"""


@pytest.fixture
def environ(reader: Credentials, database: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment that leads to the database as the reader."""
    parts = conninfo_to_dict(reader.conninfo)
    return {
        "PATH": os.environ["PATH"],
        "STATE_DIRECTORY": str(tmp_path),
        "PGVIGIL_TARGET_DEFAULTS__DATABASES": database,
        # Whether other tests left roles of an API on the server must not matter.
        "PGVIGIL_TARGET_DEFAULTS__RLS__API_ROLES": "lint_api",
        **{VARIABLES[k]: str(v) for k, v in parts.items() if k in VARIABLES},
    }


@pytest.fixture
def flawed(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(FLAWED.encode())


def lint(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", "lint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
    )


def names(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["check"], one["object"]["name"]) for one in found}


def test_a_sound_schema_passes(environ: dict[str, str]) -> None:
    done = lint(environ)

    assert (done.returncode, done.stdout) == (0, "no findings\n"), done.stderr


@pytest.mark.usefixtures("flawed")
def test_a_flawed_schema_fails_with_the_most_urgent_first(
    environ: dict[str, str],
) -> None:
    done = lint(environ, "--output", "json")

    found = json.loads(done.stdout)["findings"]
    assert done.returncode == 1
    assert names(found) == {
        ("policy_without_rls", "ajar"),
        ("no_primary_key", "ajar"),
        ("call_not_wrapped", "slow.own"),
        ("policy_column_not_indexed", "slow.own"),
    }
    ranks = [["critical", "warning", "info"].index(one["severity"]) for one in found]
    assert ranks == sorted(ranks)
    assert READER_PASSWORD not in done.stdout + done.stderr


@pytest.mark.usefixtures("flawed")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--fail-on", "critical"], 1),
        (["--fail-on", "critical", "--exclude", "policy_without_rls"], 0),
        (["--fail-on", "never"], 0),
        (["--check", "policy_column_not_indexed"], 0),
        (["--check", "policy_column_not_indexed", "--fail-on", "info"], 1),
        (["--check", "cache_hit"], 2),
    ],
)
def test_the_exit_status_is_what_was_asked_for(
    environ: dict[str, str], arguments: list[str], expected: int
) -> None:
    done = lint(environ, *arguments)

    assert done.returncode == expected, done.stdout + done.stderr


@pytest.mark.usefixtures("flawed")
def test_accepted_findings_are_left_out_and_stale_entries_are_named(
    environ: dict[str, str], tmp_path: Path
) -> None:
    known = tmp_path / "accepted.toml"
    known.write_text(
        """
        [policy_without_rls]
        "public.aj*" = "switched on by the next release"
        [call_not_wrapped]
        "public.slow.own" = "few rows for ever"
        "public.gone.own" = "this table was dropped"
        """
    )

    done = lint(environ, "--accept", str(known), "--output", "json")
    shown = lint(environ, "--accept", str(known))

    document = json.loads(done.stdout)
    assert (done.returncode, shown.returncode) == (0, 0)
    assert names(document["findings"]) == {
        ("no_primary_key", "ajar"),
        ("policy_column_not_indexed", "slow.own"),
    }
    assert [one["reason"] for one in document["accepted"]] == [
        "switched on by the next release",
        "few rows for ever",
    ]
    stale = [{"check": "call_not_wrapped", "object": "public.gone.own"}]
    assert document["stale"] == stale
    assert "not found: call_not_wrapped of public.gone.own" in shown.stdout


def test_a_list_that_cannot_be_read_or_gives_no_reason_is_an_error(
    environ: dict[str, str], tmp_path: Path
) -> None:
    known = tmp_path / "accepted.toml"
    known.write_text('[no_primary_key]\n"public.t" = ""\n')

    missing = lint(environ, "--accept", str(tmp_path / "none.toml"))
    empty = lint(environ, "--accept", str(known))

    assert (missing.returncode, empty.returncode) == (2, 2)
    assert "has no reason" in empty.stderr


@pytest.mark.usefixtures("flawed")
def test_nothing_is_left_behind(environ: dict[str, str], conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        look = "select count(*), sum(xmin::text::bigint) from pg_class"
        before = connection.execute(look).fetchone()
        connection.commit()

        lint(environ)

        after = connection.execute(look).fetchone()
    assert after == before


def test_a_server_that_is_not_there_is_an_error(environ: dict[str, str]) -> None:
    done = lint({**environ, "PGPORT": "1"})

    assert done.returncode == 2
    assert "error: could not connect" in done.stderr
