"""How near probes come to what policies are known to cost, for eight shapes of policy.

Every policy here admits every row, so that a count of the whole table gives the same
rows from the same scan with policies and without: the difference of the two times is
what the policy costs. It is the processor's time of the server process, from Linux's
schedstat, because others use the machine; the least of several pairs, interleaved
with the probes', counts. `BENCH_PROBE_ROUNDS` are timed per shape.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitor.model.credentials import Credentials
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.postgres.throwaway import ThrowawayServer
from monitor.probes.pair import ProbePair
from monitor.probes.table import probe_table
from monitor.rls.unit_cost import quietest
from tests import servers
from tests.benchmarks.conftest import Say

ROWS = 50_000
ROUNDS = int(os.environ.get("BENCH_PROBE_ROUNDS", "5"))
TRUE_PAIRS = 30
Between = Callable[[], Awaitable[None]]
CHEAP = 0.1e-6
USER = "70225db6-b0ba-4116-9b08-6b25f33bb70a"
CLAIMS = json.dumps({"role": "authenticated", "sub": USER})
PASSWORD = secrets.token_hex(8)
START = datetime(2026, 6, 1, tzinfo=UTC)
SETTINGS = {
    "shared_buffers": "256MB",
    "track_functions": "none",
    "autovacuum": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
}

SHAPES: Mapping[str, str] = {
    "inlined auth.uid()": "user_id = auth.uid()",
    "PL/pgSQL, no query": "public.without_query(user_id)",
    "PL/pgSQL, look-up a row": "public.look_up(team_id)",
    "correlated EXISTS": (
        "exists (select 1 from public.team as t"
        " where t.team_id = subject.team_id and t.user_id = subject.user_id)"
    ),
    "hashed IN": (
        "team_id in (select t.team_id from public.team as t"
        " where t.user_id = auth.uid())"
    ),
    "wrapped auth.uid()": "user_id = (select auth.uid())",
    "SQL definer, volatile": "user_id = public.volatile_user()",
    "any (array (select f()))": "team_id = any (array(select public.teams()))",
}

SCHEMA = """
create role authenticated;
create role service_role bypassrls;
create role prober login noinherit password {password};
create role bypasser login noinherit password {password};
grant authenticated to prober;
grant service_role to bypasser;
create schema auth;
grant usage on schema auth, public to authenticated, service_role;
create function auth.uid() returns uuid language sql stable as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;
create table public.subject as
select
    g as id,
    {user}::uuid as user_id,
    g % 100 as team_id,
    repeat('p', 60) as pad
from generate_series(1, {rows}) as g;
create table public.team as
select g as team_id, {user}::uuid as user_id
from generate_series(0, 99) as g;
create unique index on public.team (team_id);
grant select on public.subject, public.team to authenticated, service_role;
alter table public.subject enable row level security;
alter table public.team enable row level security;
create policy everything on public.team using (true);
create function public.without_query(u uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin return u is not null; end
$$;
create function public.look_up(t integer) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
    return exists (
        select 1 from public.team where team_id = t and user_id = auth.uid()
    );
end
$$;
create function public.volatile_user() returns uuid
language sql security definer set search_path = '' as $$select auth.uid()$$;
create function public.teams() returns integer[]
language plpgsql stable security definer set search_path = '' as $$
begin
    return array(select team_id from public.team where user_id = auth.uid());
end
$$;
"""

pytestmark = pytest.mark.benchmark


@dataclass
class Shape:
    """One policy with its least times on the whole table and what probes said."""

    name: str
    role: float = float("inf")
    bypass: float = float("inf")
    pairs: int = 0
    probes: list[UnitCost] = field(default_factory=list[UnitCost])

    @property
    def truth(self) -> float:
        return (self.role - self.bypass) / ROWS

    @property
    def published(self) -> UnitCost | None:
        """Return what the daemon would show after these rounds."""
        return quietest(self.probes)

    def error(self, probe: UnitCost) -> float:
        """Return how far a figure is off, as a share of the truth."""
        assert probe.per_row is not None
        return abs(probe.per_row - self.truth) / self.truth

    def line(self, probe: UnitCost) -> str:
        """Return one probe beside the truth, in microseconds a row."""
        figures = [self.truth, probe.per_row, probe.low, probe.high, probe.scan_per_row]
        shown = "".join(
            f"{figure * 1e6:9.3f}" if figure is not None else f"{'-':>9}"
            for figure in figures
        )
        error = (
            f"{self.error(probe):8.1%}" if probe.per_row is not None else f"{'-':>8}"
        )
        return (
            f"  {self.name:<26}{shown}{error}{probe.rows:8}{probe.pairs:4}"
            f"  {'*' if probe is self.published else ' '}{probe.status} {probe.reason}"
        )


HEADER = (
    f"  {'us a row':<26}{'truth':>9}{'probe':>9}{'low':>9}{'high':>9}{'scan':>9}"
    f"{'error':>8}{'rows':>8}{'prs':>4}"
)


@pytest.fixture(scope="module", params=[15, 18])
def server(request: pytest.FixtureRequest) -> Iterator[ThrowawayServer]:
    with ThrowawayServer(SETTINGS, binaries=servers.binaries(request.param)) as running:
        yield running


@pytest.mark.timeout(1800)
async def test_probes_come_near_to_what_policies_cost(
    server: ThrowawayServer, say: Say
) -> None:
    async with await psycopg.AsyncConnection.connect(
        server.conninfo(), autocommit=True
    ) as admin:
        await admin.execute(
            sql.SQL(SCHEMA).format(
                password=sql.Literal(PASSWORD),
                user=sql.Literal(USER),
                rows=sql.Literal(ROWS),
            )
        )
        await admin.execute("vacuum (analyze, freeze) public.subject")
        await admin.execute("vacuum (analyze, freeze) public.team")
        say(f"\nPostgreSQL {admin.info.server_version // 10000}\n{HEADER}")
        shapes = [await measure(server, admin, name, say) for name in SHAPES]

    judge(shapes, say)


async def measure(
    server: ThrowawayServer, admin: psycopg.AsyncConnection[Any], name: str, say: Say
) -> Shape:
    """Put one policy on the table; time it in full and by probes, in turns."""
    await admin.execute("drop policy if exists probed on public.subject")
    await admin.execute(
        f"create policy probed on public.subject to authenticated"
        f" using ({SHAPES[name]})".encode()
    )
    shape = Shape(name)

    async def between() -> None:
        if shape.pairs < TRUE_PAIRS:
            await count_whole(admin, shape)

    await between()
    for number in range(ROUNDS):
        shape.probes.append(await probed(server, admin, number, between))
    for probe in shape.probes:
        say(shape.line(probe))
    return shape


async def count_whole(admin: psycopg.AsyncConnection[Any], shape: Shape) -> None:
    """Count all rows as both roles; keep the least times."""
    shape.role = min(shape.role, await counted(admin, "authenticated"))
    shape.bypass = min(shape.bypass, await counted(admin, "service_role"))
    shape.pairs += 1


async def counted(admin: psycopg.AsyncConnection[Any], role: str) -> float:
    """Return the seconds that a count of the table takes a role."""
    async with admin.transaction():
        await admin.execute(
            "select set_config('request.jwt.claims', %s, true),"
            " set_config('role', %s, true)",
            [CLAIMS, role],
        )
        started = on_processor(admin.info.backend_pid)
        cursor = await admin.execute("select count(*) from public.subject")
        taken = on_processor(admin.info.backend_pid) - started
        assert await cursor.fetchone() == (ROWS,)
    return taken


def on_processor(pid: int) -> float:
    """Return the seconds that a process has run on a processor so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def probed(
    server: ThrowawayServer,
    admin: psycopg.AsyncConnection[Any],
    number: int,
    between: Between,
) -> UnitCost:
    """Return what one round of the daemon's own probe says."""
    cursor = await admin.execute(
        "select oid::bigint, reltuples::float8, relpages from pg_class"
        " where oid = 'public.subject'::regclass"
    )
    row = await cursor.fetchone()
    assert row is not None
    relid, rows, pages = row
    table = Guarded(
        database="postgres",
        relid=relid,
        schemaname="public",
        relname="subject",
        role="authenticated",
    )
    options = RlsOptions(
        personas=(
            Persona(
                name="one",
                role="authenticated",
                settings={"request.jwt.claims": CLAIMS},
            ),
        ),
        probe=Credentials(conninfo=server.conninfo("postgres", "prober", PASSWORD)),
        bypass=Credentials(conninfo=server.conninfo("postgres", "bypasser", PASSWORD)),
        bypass_role="service_role",
    )
    async with ProbePair(options, instance="bench", database="postgres") as pair:
        return await probe_table(
            pair,
            table,
            options.personas[0],
            options,
            policy_set="",
            estimated_rows=rows,
            relpages=pages,
            now=START + timedelta(minutes=number),
            between=between,
        )


def judge(shapes: list[Shape], say: Say) -> None:
    """Print the errors of what is published and hold them to what is promised."""
    shown = [(shape, shape.published) for shape in shapes]
    figures = [(shape, probe) for shape, probe in shown if probe is not None]
    errors = [shape.error(probe) for shape, probe in figures]
    dear = [s.error(p) for s, p in figures if s.truth >= CHEAP]
    missed = [
        shape.name
        for shape, probe in figures
        if not (probe.low or 0.0) <= shape.truth <= (probe.high or 0.0)
    ]
    say(
        f"  published {len(figures)} of {len(shapes)} shapes: median error"
        f" {median(errors):.1%}, worst from 0.1 us a row on {max(dear):.1%},"
        f" truth outside the spread: {', '.join(missed) or 'never'}"
    )
    withheld = [s.name for s, p in shown if p is None and s.truth >= CHEAP]

    assert withheld == []
    assert median(errors) <= 0.10
    assert max(dear) <= 0.25
    assert [
        s.name
        for s, p in figures
        if abs((p.per_row or 0.0) - s.truth) > CHEAP and s.truth < CHEAP
    ] == []
    assert missed == []
