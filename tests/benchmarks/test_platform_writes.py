"""What a write costs: the audit's share, and messages under concurrency.

Commits wait for the disk here, as in production; throughput is the disk's as much as
ours. `BENCH_SECONDS` is the length of a window.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.benchmarks.conftest import Say
from tests.platform import Connection, create_database, install
from tests.platform_rows import Size, fill

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
SIZE = Size(profiles=5_000, items=25_000, conversations=10_000)
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
ROUNDS = 7
WRITES = 2_000
CLIENTS = (1, 4, 16)
AUDITED = {
    "insert": """
        insert into public.content_assignments
            (content_item_id, organization_id, assigned_by, assignment_type)
        values (
            pg_catalog.md5('i' || i)::uuid,
            pg_catalog.md5('o' || 1 + i % 200)::uuid,
            pg_catalog.md5('u1')::uuid,
            'optional'
        )
    """,
    "update": """
        update public.user_profiles set job_title = 'title ' || i
        where id = pg_catalog.md5('u' || i)::uuid
    """,
    "delete": """
        delete from public.content_assignments as a
        where a.content_item_id = pg_catalog.md5('i' || i)::uuid
    """,
}
INTO = {
    "one": "'c1'",
    "many": f"'c' || :number % {SIZE.conversations} + 1",
}

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    with ThrowawayServer(SETTINGS, binaries=servers.binaries(18)) as running:
        yield running


@pytest.fixture
async def connection(
    server: ThrowawayServer, request: pytest.FixtureRequest
) -> AsyncIterator[Connection]:
    name = str(request.node.name)
    await create_database(server, name)
    await install(server.conninfo(name), "superuser")
    async with await psycopg.AsyncConnection.connect(
        server.conninfo(name), autocommit=True
    ) as made:
        await fill(made, SIZE)
        yield made


@pytest.mark.timeout(1800)
async def test_the_audits_share(connection: Connection, say: Say) -> None:
    """Print microseconds a write, in one transaction that is rolled back."""
    say(f"\naudit, {WRITES:,} single-row writes, median of {ROUNDS}")
    for name, statement in AUDITED.items():
        plain: list[float] = []
        audited: list[float] = []
        for _ in range(ROUNDS):
            plain.append(await microseconds(connection, statement, audit=False))
            audited.append(await microseconds(connection, statement, audit=True))
        more = median(audited) - median(plain)
        say(
            f"  {name:<8} without {median(plain):7.1f} µs  with "
            f"{median(audited):7.1f} µs  + {more:5.1f} µs"
        )


async def microseconds(connection: Connection, statement: str, *, audit: bool) -> float:
    """Return what one write takes; hold it to an audit row, or to none."""
    async with connection.transaction(force_rollback=True):
        if not audit:
            await connection.execute(DISABLED)
        before = await audit_rows(connection)
        loop = f"for i in 1..{WRITES} loop {statement}; end loop"
        started = time.perf_counter()
        await connection.execute(f"do $$ begin {loop}; end $$".encode())
        taken = time.perf_counter() - started
        rows = await audit_rows(connection) - before
    assert rows == (WRITES if audit else 0)
    return taken / WRITES * 1e6


DISABLED = """
alter table public.user_profiles disable trigger audit_user_profiles;
alter table public.content_assignments disable trigger audit_content_assignments
"""


async def audit_rows(connection: Connection) -> int:
    cursor = await connection.execute("select count(*) from public.audit_logs")
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.timeout(1800)
async def test_messages_a_second(
    server: ThrowawayServer, connection: Connection, tmp_path: Path, say: Say
) -> None:
    """Print inserted messages a second, one a transaction, by pgbench."""
    say(f"\nmessages a second, one a transaction, {SECONDS} s each, fsync on")
    before = await messages(connection)
    done = 0
    for name, conversation in INTO.items():
        script = tmp_path / f"{name}.sql"
        script.write_text(
            "\\set number random(1, 1000000000)\n"
            "insert into public.conversation_messages (conversation_id, role, content)"
            f" values (md5({conversation})::uuid, 'assistant', 'an answer');\n"
        )
        figures: list[str] = []
        for clients in CLIENTS:
            inserted, rate = pgbench(server, connection.info.dbname, script, clients)
            done += inserted
            figures.append(f"{clients:>2} connections {rate:8,.0f}/s")
        say(
            f"  {name + ' conversation' + 's' * (name == 'many'):<19}"
            + "  ".join(figures)
        )
    wrong = await connection.execute(
        """
        select count(*)
        from public.conversations as c
        where c.message_count <> (
            select count(*)
            from public.conversation_messages as m
            where m.conversation_id = c.id
        )
        or c.message_count <> c.last_sequence
        """
    )

    assert await messages(connection) == before + done
    assert await wrong.fetchone() == (0,)


async def messages(connection: Connection) -> int:
    cursor = await connection.execute(
        "select count(*) from public.conversation_messages"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


def pgbench(
    server: ThrowawayServer, database: str, script: Path, clients: int
) -> tuple[int, float]:
    """Return how many transactions ended, and how many a second."""
    done = subprocess.run(
        [
            servers.binaries(18) / "pgbench",
            "--no-vacuum",
            "--protocol=prepared",
            f"--client={clients}",
            "--jobs=2" if clients > 1 else "--jobs=1",
            f"--time={SECONDS}",
            f"--file={script}",
            server.conninfo(database),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS + 120,
    )
    ended = re.search(r"actually processed: (\d+)", done.stdout)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    assert ended is not None
    assert rate is not None
    return int(ended[1]), float(rate[1])
