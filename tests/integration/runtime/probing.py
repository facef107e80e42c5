"""An application with a dear policy, its traffic, and a daemon that may probe it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from monitor.assembly import Assembly
from monitor.model.rls import Probes, UnitCost
from monitor.postgres.grants import BYPASS, PROBE, GrantPlan, grant_scripts
from monitor.runtime.state_file import StateFile
from monitor.settings import Settings
from tests.integration.runtime.daemons import settings_for
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[Any]
SECRET = "claim-that-nobody-may-see"
INTERVALS = dict.fromkeys(
    ("activity", "statements", "tables", "indexes", "catalog", "sizes", "texts"), "1s"
)
SCHEMA = """
    create role {user};
    create role {service} bypassrls;
    create table public.notes as
    select g as id, repeat('x', 60) as body from generate_series(1, 5000) as g;
    create function public.may_see(wanted integer) returns boolean
    language plpgsql stable as $f$
    begin
        return wanted > 0 and current_setting('request.jwt.claims', true) <> '';
    end
    $f$;
    alter table public.notes enable row level security;
    create policy seen on public.notes for select to {user}
        using (public.may_see(id));
    grant select on public.notes to {user}, {service};
    analyze public.notes
"""


@dataclass(frozen=True)
class Application:
    """A database whose role's names are one test's own."""

    cluster: Cluster
    database: str
    admin: Admin
    word: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def user(self) -> str:
        return f"user_{self.word}"

    @property
    def service(self) -> str:
        return f"service_{self.word}"

    @property
    def password(self) -> str:
        return f"pw-{self.word}"

    async def execute(self, text: str) -> None:
        names = {"user": self.user, "service": self.service}
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", f'"{value}"')
        await self.admin.execute(text.encode())

    async def set_up(self) -> None:
        """Create the application, and both logins as print-grants has them."""
        await self.execute(SCHEMA)
        plan = GrantPlan(
            version=self.admin.info.server_version // 10000,
            databases=(self.database,),
            roles=(PROBE, BYPASS),
            personas=(self.user,),
            bypassing=self.service,
        )
        for script in grant_scripts(plan).values():
            await self.admin.execute(script.encode())
        await self.admin.execute("reset search_path")
        for login in (PROBE, BYPASS):
            await self.admin.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(login), self.password
                )
            )

    async def clear(self) -> None:
        await self.execute(
            "drop owned by {user}, {service} cascade; drop role {user}, {service}"
        )

    def rls(self, **changes: object) -> dict[str, object]:
        """Return the settings that let a daemon probe, with short intervals."""
        persona = {
            "name": "alice",
            "role": self.user,
            "claims": {"sub": "1", "note": SECRET},
        }
        return {
            "personas": [persona],
            "probe": {"user": PROBE, "password": self.password},
            "bypass": {"user": BYPASS, "password": self.password},
            "bypass_role": self.service,
            "interval": "1s",
            **changes,
        }

    def target(self, **rls: object) -> dict[str, object]:
        """Return the settings of a target with these of row level security."""
        return {
            "name": "orders",
            "dsn": self.cluster.conninfo(self.database),
            "databases": [self.database],
            "intervals": INTERVALS,
            "rls": rls,
        }

    def settings(self, folder: Path, **rls: object) -> Settings:
        return settings_for("", folder, targets=[self.target(**rls)])

    @contextlib.asynccontextmanager
    async def traffic(self) -> AsyncGenerator[None]:
        """Let a user read all notes some ten times a second."""
        task = asyncio.create_task(self._read())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _read(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self.cluster.conninfo(self.database), autocommit=True
        ) as connection:
            await connection.execute(
                sql.SQL("set role {}").format(sql.Identifier(self.user))
            )
            await connection.execute(
                "select set_config('request.jwt.claims', %s, false)",
                [json.dumps({"sub": "2"})],
            )
            while True:
                await connection.execute("select count(*) from public.notes")
                await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def running(
    settings: Settings, state_file: StateFile | None = None
) -> AsyncGenerator[Assembly]:
    """Run a daemon without HTTP, by the true clock, until the block ends."""
    assembly = Assembly(settings, state_file=state_file)
    task = asyncio.create_task(assembly.daemon.run())
    try:
        yield assembly
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assembly.close()


@contextlib.asynccontextmanager
async def watching(admin: Admin) -> AsyncGenerator[Seen]:
    """Look some fifty times a second who is connected as pgvigil."""
    seen = Seen()
    task = asyncio.create_task(seen.look(admin))
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@dataclass
class Seen:
    """Who has been connected as pgvigil, for what, and how many at most at once.

    `has_overlap` says that the acting connection was there with one that probes.
    """

    purposes: set[str] = field(default_factory=set[str])
    has_overlap: bool = False
    logins: set[str] = field(default_factory=set[str])
    most: int = 0
    looks: int = 0

    async def look(self, admin: Admin) -> None:
        while True:
            found = await connected(admin)
            self.logins |= {name for name, _ in found}
            purposes = {purpose for _, purpose in found}
            self.purposes |= purposes
            self.has_overlap |= purposes >= {"act", "probe"}
            self.most = max(self.most, len(found))
            self.looks += 1
            await asyncio.sleep(0.02)


async def connected(admin: Admin) -> list[tuple[str, str]]:
    """Return login and purpose of pgvigil's connections to the test's database."""
    cursor = await admin.execute(
        "select usename::text, split_part(application_name, '/', 3)"
        " from pg_catalog.pg_stat_activity"
        " where application_name like 'pgvigil/test/%'"
        " and datname = pg_catalog.current_database()",
    )
    return [(name, purpose) for name, purpose in await cursor.fetchall()]


async def still_connected(admin: Admin) -> list[tuple[str, str]]:
    """Return who stays connected: a backend ends a moment after its connection."""
    names = await connected(admin)
    for _ in range(100):
        if not names:
            break
        await asyncio.sleep(0.05)
        names = await connected(admin)
    return names


def probes(assembly: Assembly) -> Probes:
    """Return what the last published state knows of probes."""
    watch = assembly.daemon.watches.get("orders")
    state = watch.state if watch else None
    return state.view.probes if state and state.view else Probes()


def good(assembly: Assembly) -> list[UnitCost]:
    """Return the figures that are fit to be shown."""
    return [cost for cost in probes(assembly).unit_costs if cost.status == "ok"]


async def until(holds: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)
