"""Writes the platform's manifest anew: python -m tests.platform_manifest."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg

from monitor.postgres import manifest
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers
from tests.platform import Connection, install

GOLDEN = Path(__file__).parent / "integration" / "platform" / "manifest.txt"
SEARCH_PATH = "set search_path = pg_catalog, pg_temp"


async def lines(connection: Connection) -> list[str]:
    """Return the manifest of a database."""
    await connection.execute(SEARCH_PATH)
    return list(await manifest.read(connection))


def golden() -> list[str]:
    """Return the committed manifest."""
    return GOLDEN.read_text("utf-8").splitlines()


async def _write() -> None:
    binaries = servers.binaries(servers.MAJORS[-1])
    with ThrowawayServer({}, binaries=binaries) as server:
        await install(server.conninfo(), "superuser")
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as connection:
            found = await lines(connection)
    GOLDEN.write_text("".join(f"{line}\n" for line in found), "utf-8")


if __name__ == "__main__":
    asyncio.run(_write())
