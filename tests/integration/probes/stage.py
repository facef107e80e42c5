"""A database with two probe logins, a persona and tables to time, for the tests."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from monitor.model.credentials import Credentials
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.probes.pair import ProbePair
from monitor.probes.table import probe_table
from tests.servers import Cluster

Admin = psycopg.AsyncConnection[Any]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECRET_CLAIM = "claim-that-nobody-may-see"


@dataclass(frozen=True)
class Stage:
    """Roles of one test, named apart from those of others on the same server."""

    cluster: Cluster
    database: str
    admin: Admin
    word: str = field(default_factory=lambda: secrets.token_hex(4))
    password: str = field(default_factory=lambda: f"pw-{secrets.token_hex(8)}")

    @property
    def major(self) -> int:
        return self.admin.info.server_version // 10000

    @property
    def app(self) -> str:
        return f"app_{self.word}"

    @property
    def persona_role(self) -> str:
        return f"user_{self.word}"

    @property
    def service(self) -> str:
        return f"service_{self.word}"

    @property
    def probe(self) -> str:
        return f"probe_{self.word}"

    @property
    def bypass(self) -> str:
        return f"bypass_{self.word}"

    @property
    def persona(self) -> Persona:
        claims = {"sub": "70225db6-b0ba-4116-9b08-6b25f33bb70a", "note": SECRET_CLAIM}
        return Persona(
            name="alice",
            role=self.persona_role,
            settings={"request.jwt.claims": json.dumps(claims)},
        )

    @property
    def options(self) -> RlsOptions:
        return RlsOptions(
            personas=(self.persona,),
            probe=self.credentials(self.probe),
            bypass=self.credentials(self.bypass),
            bypass_role=self.service,
        )

    def credentials(self, role: str) -> Credentials:
        conninfo = self.cluster.conninfo(self.database, role, self.password)
        return Credentials(conninfo=conninfo)

    async def execute(self, text: str, **names: str) -> None:
        """Run a script as the superuser with the stage's roles put in."""
        known = {
            "app": self.app,
            "persona": self.persona_role,
            "service": self.service,
            "probe": self.probe,
            "bypass": self.bypass,
            **names,
        }
        identifiers = {k: sql.Identifier(v) for k, v in known.items()}
        await self.admin.execute(as_sql(text).format(**identifiers))

    async def set_up(self) -> None:
        """Create the roles and a table of 4,000 rows with a trivial policy."""
        await self.admin.execute(
            as_sql(
                """
                create role {app};
                create role {persona};
                create role {service} bypassrls;
                create role {probe} login noinherit password {password};
                create role {bypass} login noinherit password {password};
                grant {persona} to {probe};
                grant {service} to {bypass};
                grant usage, create on schema public to {app};
                grant usage on schema public to {persona}, {service};
                set role {app};
                create table public.notes as
                select g as id, repeat('x', 60) as body
                from generate_series(1, 4000) as g;
                alter table public.notes enable row level security;
                grant select on public.notes to {persona}, {service};
                reset role;
                analyze public.notes;
                """
            ).format(
                app=sql.Identifier(self.app),
                persona=sql.Identifier(self.persona_role),
                service=sql.Identifier(self.service),
                probe=sql.Identifier(self.probe),
                bypass=sql.Identifier(self.bypass),
                password=sql.Literal(self.password),
            )
        )

    async def clear(self) -> None:
        """Drop the roles; what they own goes with the database."""
        await self.execute(
            """
            drop owned by {app}, {persona}, {service}, {probe}, {bypass} cascade;
            drop role {probe}, {bypass}, {persona}, {service}, {app};
            """
        )

    async def policy(self, expression: str) -> None:
        """Put one policy on the table, as its owner."""
        await self.execute(
            "set role {app}; drop policy if exists p on public.notes;"
            f" create policy p on public.notes for select using ({expression});"
            " reset role"
        )

    async def function(self, body: str, attributes: str = "") -> None:
        """Create the hostile owner's function `public.f(integer)` in PL/pgSQL."""
        await self.execute(
            "set role {app}; create or replace function public.f(n integer)"
            f" returns boolean language plpgsql {attributes} as $f${body}$f$;"
            " reset role"
        )

    async def hostile(self, body: str, attributes: str = "") -> None:
        """Put the function into the table's policy."""
        await self.function(body.replace("{", "{{").replace("}", "}}"), attributes)
        await self.policy("public.f(id)")

    async def guarded(self, relname: str = "notes") -> Guarded:
        relid = await value(
            self.admin,
            "select oid::bigint from pg_catalog.pg_class where relname = %s",
            relname,
        )
        return Guarded(
            database=self.database,
            relid=relid,
            schemaname="public",
            relname=relname,
            role=self.persona_role,
        )

    @asynccontextmanager
    async def pair(self, **changes: Any) -> AsyncGenerator[ProbePair]:
        """Open both sessions, with some of the options changed."""
        options = replace(self.options, **changes)
        async with ProbePair(
            options, instance="test", database=self.database
        ) as opened:
            yield opened

    async def time(self, relname: str = "notes", **changes: Any) -> UnitCost:
        """Time a table's policies in a pair of sessions of its own."""
        async with self.pair(**changes) as opened:
            return await self.probe_with(opened, relname)

    async def time_well(self, relname: str = "notes") -> UnitCost:
        """Time a table's policies until other processes leave us a quiet moment."""
        cost = await self.time(relname)
        for _ in range(20):
            if cost.status != "unstable":
                break
            cost = await self.time(relname)
        return cost

    async def probe_with(self, opened: ProbePair, relname: str = "notes") -> UnitCost:
        rows, pages = await sizes(self.admin, relname)
        return await probe_table(
            opened,
            await self.guarded(relname),
            opened.options.personas[0],
            opened.options,
            policy_set="hash",
            estimated_rows=rows,
            relpages=pages,
            now=NOW,
        )


def as_sql(text: str) -> sql.SQL:
    """Return a test's own script as something that names can be put into."""
    return sql.SQL(cast("LiteralString", text))


async def value(admin: Admin, query: str, *parameters: object) -> Any:
    """Return the one value that a query gives."""
    cursor = await admin.execute(query.encode(), parameters or None)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def sizes(admin: Admin, relname: str) -> tuple[float, int]:
    """Return a table's rows and pages as pg_class has them."""
    cursor = await admin.execute(
        "select reltuples::float8, relpages from pg_catalog.pg_class"
        " where relname = %s",
        [relname],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


SHORT = timedelta(milliseconds=300)
