"""Commands that install the platform and move it from version to version."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from monitor.errors import MigrationError
from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import shipped
from tests import servers
from tests.integration.cli.test_schema import Shell
from tests.platform import Platform, session_to

SHIPPED = sorted(
    path.name
    for path in shipped("platform").glob("*.sql")
    if not path.name.endswith(".down.sql")
)


@pytest.fixture
def shell(conninfo: str) -> Shell:
    return Shell(conninfo)


def test_a_plan_says_what_an_installation_runs(shell: Shell) -> None:
    planned = shell.json("platform", "plan", "--with-auth-shim")
    installed = shell.json("platform", "install", "--with-auth-shim")

    assert planned == {"adopted": [], "migrations": SHIPPED}
    assert installed["migrations"] == SHIPPED
    assert installed["monitoring"]["migrations"]


@pytest.mark.requirement("X1")
def test_installing_twice_is_installing_once(shell: Shell) -> None:
    shell.json("platform", "install", "--with-auth-shim")

    second = shell.run("platform", "install")

    assert second.stdout == (
        "schema monitoring: was up to date\nplatform: was up to date\n"
    )


def test_status_tells_what_was_adopted(platform_by_tenant: Platform) -> None:
    shell = Shell(platform_by_tenant.conninfo)

    status = shell.json("platform", "status")["migrations"]

    assert [(one["version"], one["kind"]) for one in status][:2] == [
        ("000", "baseline"),
        ("001", "transactional"),
    ]
    assert {one["condition"] for one in status} == {"applied"}


def test_an_adopted_auth_is_told_in_words(platform_by_tenant: Platform) -> None:
    shell = Shell(platform_by_tenant.conninfo)

    shell.json("platform", "down", "--to", "none", "--confirm")
    planned = shell.run("platform", "plan")

    assert planned.stdout.splitlines()[:2] == [
        "recorded, not run: 000_auth_shim.sql",
        "would run: 001_create_enterprise_schema.sql",
    ]


def test_a_database_that_has_it_already_is_adopted(platform: Platform) -> None:
    shell = Shell(platform.conninfo)
    with psycopg.connect(platform.conninfo, autocommit=True) as connection:
        connection.execute("delete from public.schema_migrations")

    recorded = shell.json("platform", "baseline", SHIPPED[-1][:3])["migrations"]
    afterwards = shell.json("platform", "plan")

    assert recorded == SHIPPED
    assert afterwards == {"adopted": [], "migrations": []}


def test_taking_back_needs_to_be_confirmed(platform: Platform) -> None:
    shell = Shell(platform.conninfo)

    refused = shell.run("platform", "down", "--to", "none")

    assert isinstance(refused.exception, MigrationError)
    assert "auth.users" in refused.exception.detail


@pytest.mark.pg(">=15")
def test_the_printed_script_is_the_installation(
    shell: Shell, conninfo: str, major: int
) -> None:
    script = shell.run(
        "platform",
        "install",
        "--print-sql",
        "--with-auth-shim",
        "--version",
        str(major),
    ).stdout

    ran = subprocess.run(
        [servers.binaries(servers.MAJORS[-1]) / "psql", "-X", "-q", conninfo],
        input=script,
        text=True,
        capture_output=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert shell.json("platform", "plan") == {"adopted": [], "migrations": []}


@pytest.mark.requirement("S7.2.1-a")
def test_a_new_migration_applies_as_it_is_written(
    platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "platform"
    shutil.copytree(shipped("platform"), folder)
    shell = Shell(platform.conninfo)

    made = shell.run("platform", "new", "Add a table", "--directory", str(folder))

    up, down = (Path(line) for line in made.stdout.splitlines())
    assert (up.name, down.name) == (
        f"{up.name[:3]}_add_a_table.sql",
        f"{up.name[:3]}_add_a_table.down.sql",
    )
    assert up.name[:3] not in {"007", *(name[:3] for name in SHIPPED)}
    assert asyncio.run(_there_and_back(platform.conninfo, folder)) == [
        [up.name],
        [up.name],
    ]


async def _there_and_back(conninfo: str, folder: Path) -> list[list[str]]:
    async with session_to(conninfo) as session:
        runner = Migrator(session, "platform", folder=folder)
        applied = await runner.up()
        taken_back = await runner.down(confirm=True)
    return [[m.file for m in applied], [m.file for m in taken_back]]


@pytest.mark.requirement("S7.2.1-a")
def test_a_new_migration_says_what_it_is(shell: Shell, tmp_path: Path) -> None:
    made = shell.run("platform", "new", "Add a table", "--directory", str(tmp_path))

    for line in made.stdout.splitlines():
        head = Path(line).read_text().splitlines()
        assert [part.split(":")[0] for part in head] == [
            "-- Migration",
            "-- Date",
            "-- Description",
        ]


def test_schema_monitoring_stays_while_the_platform_rests_on_it(
    platform: Platform,
) -> None:
    shell = Shell(platform.conninfo)

    refused = shell.run("uninstall", "--yes")
    shell.json("platform", "down", "--to", "none", "--confirm")
    removed = shell.json("uninstall", "--yes")

    assert isinstance(refused.exception, MigrationError)
    assert "while the platform is installed" in refused.exception.message
    assert removed == {"removed": True}
