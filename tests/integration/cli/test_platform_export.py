"""pgvigil platform export org: files that are whole, or no files."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from monitor.cli.export_directory import ExportDirectory
from monitor.errors import ConfigError
from tests.integration.cli.test_schema import VARIABLES, Shell
from tests.integration.platform.exported import (
    add_tenant,
    counted,
    enlarge,
    measured,
)
from tests.platform import Connection, Platform

pytestmark = pytest.mark.requirement("S6.1.2-a")

SECTIONS = [
    "organization",
    "users",
    "permissions",
    "repositories",
    "content",
    "versions",
    "assignments",
    "conversations",
    "messages",
]


def rows_of(path: Path) -> list[Any]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def events(owner: Connection) -> list[Any]:
    cursor = await owner.execute(
        "select event, details ->> 'organization_id', details -> 'rows'"
        " from monitoring.operations_log where event like 'organization%' order by id"
    )
    return await cursor.fetchall()


async def export(platform: Platform, organization: UUID, *arguments: str) -> Any:
    shell = Shell(platform.conninfo)
    return await asyncio.to_thread(
        shell.run, "platform", "export", "org", str(organization), *arguments
    )


@pytest.mark.pg(">=15")
@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
async def test_the_manifest_tells_what_is_in_the_files(
    platform: Platform, tmp_path: Path, options: tuple[str, ...]
) -> None:
    tenant = await add_tenant(platform.owner)
    wanted = await counted(platform.owner, tenant.id)
    folder = tmp_path / "acme"

    done = await export(
        platform, tenant.id, "--directory", str(folder), "--output", "json", *options
    )

    manifest = json.loads((folder / "manifest.json").read_text())
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == manifest
    assert manifest["organization_name"] == "acme"
    assert manifest["conversation_days"] == 90
    assert manifest["schema_version"] >= "006"
    assert {s["name"]: s["rows"] for s in manifest["sections"]} == wanted
    files = {s["file"] for s in manifest["sections"]}
    assert {p.name for p in folder.iterdir()} == files | {"manifest.json"}
    for section in manifest["sections"]:
        path = folder / section["file"]
        assert len(rows_of(path)) == section["rows"]
        assert path.stat().st_size == section["size_bytes"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == section["sha256"]


async def test_rows_are_those_of_the_function(
    platform: Platform, tmp_path: Path
) -> None:
    tenant = await add_tenant(platform.owner)
    folder = tmp_path / "acme"
    cursor = await platform.owner.execute(
        "select public.export_organization_data(%s, null)", [tenant.id]
    )
    row = await cursor.fetchone()
    assert row is not None
    document = row[0]
    nested = {c["id"]: c.pop("messages") for c in document["conversations"]}

    done = await export(
        platform,
        tenant.id,
        "--directory",
        str(folder),
        "--conversation-days",
        "all",
    )

    streamed = {name: rows_of(folder / f"{name}.ndjson") for name in SECTIONS}
    messages: dict[str, list[Any]] = {}
    for message in streamed.pop("messages"):
        messages.setdefault(message["conversation_id"], []).append(message)
    assert done.exit_code == 0, done.output
    assert messages == nested
    assert streamed.pop("organization") == [
        {k: v for k, v in document.items() if k not in SECTIONS}
    ]
    for name, rows in streamed.items():
        assert sorted(rows, key=lambda r: r["id"]) == sorted(
            document[name], key=lambda r: r["id"]
        )


async def test_a_snapshot_is_of_one_moment(platform: Platform, tmp_path: Path) -> None:
    tenant = await add_tenant(platform.owner)
    folder = tmp_path / "acme"
    async with await psycopg.AsyncConnection.connect(platform.conninfo) as other:
        # It holds the export up between the first section and the last.
        await other.execute("lock table public.content_versions")

        running = asyncio.create_task(
            export(platform, tenant.id, "--directory", str(folder))
        )
        await waiting(platform.owner)
        await platform.owner.execute(
            "insert into public.conversation_messages (conversation_id, role, content)"
            " values (%s, 'user', 'too late')",
            [tenant.recent],
        )
        await other.rollback()
        done = await running

    assert done.exit_code == 0, done.output
    assert len(rows_of(folder / "messages.ndjson")) == 3


async def waiting(owner: Connection) -> None:
    """Wait until an export waits for a lock."""
    for _ in range(200):
        cursor = await owner.execute(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
            " and application_name like 'pgvigil/%'"
            " and datname = current_database()"
        )
        if await cursor.fetchone():
            return
        await asyncio.sleep(0.05)
    pytest.fail("the export never came to wait")


async def test_an_unknown_organization_is_an_error(
    platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "none"
    organization = uuid4()

    done = await export(platform, organization, "--directory", str(folder))

    assert f'there is no organization "{organization}"' in str(done.exception)
    assert not folder.exists()
    assert await events(platform.owner) == []


async def test_a_folder_with_something_in_it_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    tenant = await add_tenant(platform.owner)
    (tmp_path / "precious").write_text("keep me")

    done = await export(platform, tenant.id, "--directory", str(tmp_path))

    assert "is not empty" in str(done.exception)
    assert listing(tmp_path) == ["precious"]


async def test_files_are_for_their_owner_only(
    platform: Platform, tmp_path: Path
) -> None:
    tenant = await add_tenant(platform.owner)
    folder = tmp_path / "acme"

    await export(platform, tenant.id, "--directory", str(folder))

    modes = {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == {0o600}


async def test_begin_and_end_are_logged(platform: Platform, tmp_path: Path) -> None:
    tenant = await add_tenant(platform.owner)
    wanted = await counted(platform.owner, tenant.id)

    await export(platform, tenant.id, "--directory", str(tmp_path / "acme"))

    assert await events(platform.owner) == [
        ("organization_export_started", str(tenant.id), None),
        ("organization_exported", str(tenant.id), wanted),
    ]


@pytest.mark.pg(">=15")
async def test_a_role_that_policies_filter_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    password = uuid4().hex
    role = f"exporter_{uuid4().hex[:8]}"
    await owner.execute(f"create role {role} login password '{password}'".encode())
    await owner.execute(f"grant authenticated to {role}".encode())
    parts = conninfo_to_dict(platform.conninfo) | {"user": role, "password": password}
    shell = Shell(" ".join(f"{k}={v}" for k, v in parts.items()))

    done = await asyncio.to_thread(
        shell.run,
        "platform",
        "export",
        "org",
        str(tenant.id),
        "--directory",
        str(tmp_path / "acme"),
    )

    await owner.execute(f"revoke authenticated from {role}".encode())
    await owner.execute(f"drop role {role}".encode())
    assert "it does not see all rows" in str(done.exception)
    assert "user_profiles" in str(done.exception)
    assert listing(tmp_path) == []


async def test_a_database_without_the_platform_is_told(
    conninfo: str, tmp_path: Path
) -> None:
    done = await asyncio.to_thread(
        Shell(conninfo).run,
        "platform",
        "export",
        "org",
        str(uuid4()),
        "--directory",
        str(tmp_path / "acme"),
    )

    assert "the platform is not installed" in str(done.exception)


async def test_a_failure_leaves_no_files(platform: Platform, tmp_path: Path) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    folder = tmp_path / "acme"
    folder.mkdir()
    await owner.execute("drop view app_private.exported_conversations")

    done = await export(platform, tenant.id, "--directory", str(folder))

    assert "could not read the organization" in str(done.exception)
    assert listing(folder) == []
    assert [event for event, *_ in await events(owner)] == [
        "organization_export_started"
    ]


@pytest.mark.parametrize("by", [signal.SIGINT, "terminate"], ids=["ctrl-c", "server"])
async def test_an_interruption_leaves_no_files(
    platform: Platform, tmp_path: Path, by: signal.Signals | str
) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    folder = tmp_path / "acme"
    async with await psycopg.AsyncConnection.connect(platform.conninfo) as other:
        await other.execute("lock table public.conversations")
        process = started(platform, tenant.id, folder)
        await waiting(owner)
        begun = listing(folder)

        if isinstance(by, signal.Signals):
            process.send_signal(by)
        else:
            await owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'pgvigil/%'"
                " and datname = current_database()"
            )
        _, said = await asyncio.to_thread(process.communicate, timeout=30)

    assert "users.ndjson.partial" in begun
    assert not any(name.endswith((".ndjson", ".json")) for name in begun)
    assert process.returncode in {2, 130}, said
    assert b"internal error" not in said
    assert not folder.exists()


async def test_a_killed_export_never_looks_whole(
    platform: Platform, tmp_path: Path
) -> None:
    tenant = await add_tenant(platform.owner)
    folder = tmp_path / "acme"
    async with await psycopg.AsyncConnection.connect(platform.conninfo) as other:
        await other.execute("lock table public.conversations")
        process = started(platform, tenant.id, folder)
        await waiting(platform.owner)

        process.kill()
        await asyncio.to_thread(process.wait, 30)

    assert process.stderr is not None
    process.stderr.close()
    assert {p.suffix for p in folder.iterdir()} == {".partial"}
    again = await export(platform, tenant.id, "--directory", str(folder))
    assert "is not empty" in str(again.exception)


async def test_progress_is_shown_on_a_terminal_only(
    platform: Platform, tmp_path: Path
) -> None:
    tenant = await add_tenant(platform.owner)
    leader, follower = pty.openpty()

    shown = started(platform, tenant.id, tmp_path / "shown", stderr=follower)
    code = await asyncio.to_thread(shown.wait, 30)
    os.close(follower)
    said = os.read(leader, 10_000)
    os.close(leader)
    silent = started(platform, tenant.id, tmp_path / "silent")
    _, silence = await asyncio.to_thread(silent.communicate, timeout=30)

    assert (code, silent.returncode) == (0, 0)
    assert b"organization: 1 rows, 0 MB" in said
    assert silence == b""


def started(
    platform: Platform,
    organization: UUID,
    folder: Path,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """Start an export in a process of its own."""
    parts = conninfo_to_dict(platform.conninfo)
    environ = {VARIABLES[k]: str(v) for k, v in parts.items()}
    command = [sys.executable, "-m", "monitor", "platform", "export", "org"]
    return subprocess.Popen(
        [*command, str(organization), "--directory", str(folder)],
        env={**os.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


async def test_memory_does_not_grow_with_the_organization(
    platform: Platform, tmp_path: Path
) -> None:
    small, large = [await add_tenant(platform.owner, name) for name in ("a", "b")]
    await enlarge(platform.owner, small, 2_000_000)
    await enlarge(platform.owner, large, 40_000_000)
    wanted = await counted(platform.owner, large.id)

    before = await measured(platform, small, tmp_path / "small")
    after = await measured(platform, large, tmp_path / "large")

    counts = {s["name"]: s["rows"] for s in after.manifest["sections"]}
    assert counts == wanted
    assert after.size_bytes > 10 * before.size_bytes
    assert after.peak_bytes < 1.3 * before.peak_bytes


@pytest.mark.parametrize("days", ["-1", "some", "1.5", "99999"])
def test_days_that_are_none_are_refused(tmp_path: Path, days: str) -> None:
    shell = Shell("host=localhost")

    done = shell.run(
        "platform",
        "export",
        "org",
        str(uuid4()),
        "--directory",
        str(tmp_path),
        "--conversation-days",
        days,
    )

    assert done.exit_code == 2
    assert 'neither "all" nor 0 to' in done.output


def quiet(name: str, rows: int, size_bytes: int) -> None:
    del name, rows, size_bytes


def fill(folder: ExportDirectory, *names: str, manifest: object) -> None:
    with folder.claimed():
        for name in names:
            with folder.section(name) as section:
                section.write(b"{}\n")
        folder.publish({"manifest": manifest})


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    folder = ExportDirectory(tmp_path / "acme", quiet, zipped=False)

    with pytest.raises(ConfigError, match="could not write"):
        fill(folder, "users", "users", manifest={})

    assert listing(tmp_path) == []


def test_a_manifest_that_cannot_be_written_takes_the_files_away(
    tmp_path: Path,
) -> None:
    folder = ExportDirectory(tmp_path, quiet, zipped=True)

    with pytest.raises(TypeError):
        fill(folder, "users", manifest=object())

    assert listing(tmp_path) == []
