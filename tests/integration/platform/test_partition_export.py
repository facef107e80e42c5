"""A detached month is exported whole or not at all, and dropped only after, if told."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

from monitor.maintenance import drop_partition
from monitor.model.action import Action, ActionState, JournalEntry
from monitor.model.months import name_of, shifted
from tests.integration.cli.test_schema import Shell
from tests.integration.platform.keeping import (
    MESSAGES,
    MONTH,
    Keeper,
    conversation,
    keeping,
    write,
)
from tests.platform import Platform
from tests.servers import Cluster

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S-P1", "S5.2.1-b")]

OLD = shifted(MONTH, -1)
NAME = name_of(MESSAGES, OLD)
TABLE = f"app_partitions.{NAME}"
NOTES = """
select details
from monitoring.operations_log
where event = 'partition_exported'
order by id
"""


@pytest.fixture
async def keeper(platform: Platform, cluster: Cluster) -> AsyncIterator[Keeper]:
    async with keeping(platform, cluster) as made:
        yield made


async def detach(platform: Platform, count: int) -> None:
    """Make last month's messages a table of its own, with some rows."""
    there = await conversation(platform)
    await write(platform.owner, there, OLD, count)
    await platform.owner.execute(
        "select app_private.detach_partition('public.conversation_messages', %s)",
        [OLD],
    )


async def export(conninfo: str, table: str, folder: Path, *options: str) -> Any:
    return await asyncio.to_thread(
        Shell(conninfo).run,
        "platform",
        "export",
        "partition",
        table,
        "--directory",
        str(folder),
        *options,
    )


async def notes(platform: Platform) -> list[Any]:
    cursor = await platform.owner.execute(NOTES.encode())
    return [details for (details,) in await cursor.fetchall()]


@pytest.mark.parametrize("options", [(), ("--gzip",)], ids=["plain", "gzip"])
async def test_a_detached_month_is_exported_and_noted(
    platform: Platform, tmp_path: Path, options: tuple[str, ...]
) -> None:
    await detach(platform, 3)
    folder = tmp_path / "old"
    cursor = await platform.owner.execute(
        f"select to_jsonb(t), '{TABLE}'::regclass::oid from {TABLE} as t".encode()
    )
    wanted = await cursor.fetchall()

    done = await export(platform.conninfo, TABLE, folder, "--output", "json", *options)

    assert done.exit_code == 0, done.output
    manifest = json.loads((folder / "manifest.json").read_text())
    (section,) = manifest["sections"]
    data = (folder / section["file"]).read_bytes()
    lines = (gzip.decompress(data) if options else data).splitlines()
    found = {"table": TABLE, "oid": wanted[0][1], "rows": 3, "sha256": sha256(data)}
    assert json.loads(done.stdout) == manifest
    assert [json.loads(line) for line in lines] == [row for row, _ in wanted]
    assert (section["rows"], section["sha256"]) == (3, sha256(data))
    assert (manifest["table"], manifest["oid"]) == (TABLE, wanted[0][1])
    assert await notes(platform) == [{"via": "pgvigil", **found}]
    assert listing(folder) == ["manifest.json", section["file"]]


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE, "it is attached"),
        ("public.organizations", 'it is not in schema "app_partitions"'),
        ("organizations", 'it is not in schema "app_partitions"'),
        ("app_partitions.none", 'there is no table "app_partitions.none"'),
    ],
)
async def test_what_is_no_detached_month_is_refused(
    platform: Platform, tmp_path: Path, table: str, said: str
) -> None:
    done = await export(platform.conninfo, table, tmp_path / "old")

    assert said in str(done.exception)
    assert listing(tmp_path) == []
    assert await notes(platform) == []


async def test_a_role_that_policies_filter_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    await detach(platform, 1)
    password, role = uuid4().hex, f"exporter_{uuid4().hex[:8]}"
    await platform.owner.execute(
        f"create role {role} login password '{password}'".encode()
    )
    parts = conninfo_to_dict(platform.conninfo) | {"user": role, "password": password}
    conninfo = " ".join(f"{k}={v}" for k, v in parts.items())

    done = await export(conninfo, TABLE, tmp_path / "old")

    await platform.owner.execute(f"drop role {role}".encode())
    assert "it does not see all rows" in str(done.exception)
    assert listing(tmp_path) == []


async def test_an_export_that_cannot_be_noted_is_not_handed_out(
    platform: Platform, tmp_path: Path
) -> None:
    await detach(platform, 1)
    await platform.owner.execute(
        "alter table monitoring.operations_log"
        " add check (event <> 'partition_exported')"
    )

    done = await export(platform.conninfo, TABLE, tmp_path / "old")

    assert "could not" in str(done.exception)
    assert listing(tmp_path) == []


async def test_an_export_that_is_not_handed_out_is_not_noted(
    platform: Platform, tmp_path: Path
) -> None:
    await detach(platform, 1)
    (tmp_path / "precious").write_text("keep me")

    done = await export(platform.conninfo, TABLE, tmp_path)

    assert "is not empty" in str(done.exception)
    assert listing(tmp_path) == ["precious"]
    assert await notes(platform) == []


async def drop(keeper: Keeper, *, require_export: bool) -> JournalEntry:
    view = await keeper.view()
    options = drop_partition.Options(
        tables=("public.conversation_messages",),
        months=0,
        require_export=require_export,
    )
    (subject,) = drop_partition.subjects(view, (), options)
    planned = drop_partition.plan(subject, view, options)
    assert isinstance(planned, Action)
    return await keeper.perform(planned)


async def test_a_month_is_not_dropped_before_it_is_exported(keeper: Keeper) -> None:
    await detach(keeper.platform, 3)

    entry = await drop(keeper, require_export=True)

    assert entry.state is ActionState.APPROVED
    assert entry.detail == "No export of it has as many rows as it has now."
    assert await keeper.value(f"select count(*) from {TABLE}") == 3


async def test_an_export_that_lacks_a_row_does_not_count(
    keeper: Keeper, tmp_path: Path
) -> None:
    await detach(keeper.platform, 3)
    done = await export(keeper.platform.conninfo, TABLE, tmp_path / "old")
    await keeper.platform.owner.execute(
        f"insert into {TABLE} (conversation_id, role, content, sequence_number, "
        "created_at, created_date) select conversation_id, 'user', 'late', 99, "
        f"created_at, created_date from {TABLE} limit 1".encode()
    )

    entry = await drop(keeper, require_export=True)

    assert done.exit_code == 0, done.output
    assert entry.state is ActionState.APPROVED
    assert await keeper.value(f"select count(*) from {TABLE}") == 4


async def test_a_refused_drop_is_done_once_it_is_exported(
    keeper: Keeper, tmp_path: Path
) -> None:
    await detach(keeper.platform, 3)
    refused = await drop(keeper, require_export=True)
    await export(keeper.platform.conninfo, TABLE, tmp_path / "old")

    dropped = await drop(keeper, require_export=True)

    assert (refused.id, refused.state) == (dropped.id, ActionState.APPROVED)
    assert dropped.state is ActionState.DONE, dropped.detail
    assert await keeper.value("select to_regclass(%s)", TABLE) is None


async def test_without_the_option_it_is_dropped_unexported(keeper: Keeper) -> None:
    await detach(keeper.platform, 3)

    entry = await drop(keeper, require_export=False)

    assert entry.state is ActionState.DONE, entry.detail
