"""The two logins of probes, created as print-grants prints them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest

from monitor.model.credentials import Credentials
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.postgres.grants import BYPASS, PROBE, GrantPlan, grant_scripts
from monitor.probes.pair import ProbePair
from monitor.probes.table import probe_table
from tests.integration.postgres.schema import (
    PASSWORD,
    Admin,
    give_password,
    rows,
    scalar,
)
from tests.servers import Cluster

pytestmark = [pytest.mark.pg("all"), pytest.mark.promise(16)]

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TABLE = """
    create role {user};
    create role {service} bypassrls;
    create table public.notes as
    select g as id, repeat('x', 60) as body from generate_series(1, 3000) as g;
    create function public.may_see(wanted integer) returns boolean
    language plpgsql stable as 'begin return wanted > 0; end';
    alter table public.notes enable row level security;
    create policy seen on public.notes to {user} using (public.may_see(id));
    grant select, insert, update, delete on public.notes to {user}, {service};
    analyze public.notes
"""


class Application:
    """A table under a policy, its roles, and both logins with their grants."""

    def __init__(self, cluster: Cluster, database: str, admin: Admin) -> None:
        word = secrets.token_hex(4)
        self.user, self.service = f"user_{word}", f"service_{word}"
        self._cluster, self._database, self._admin = cluster, database, admin

    async def set_up(self, major: int) -> None:
        text = TABLE.replace("{user}", self.user).replace("{service}", self.service)
        await self._admin.execute(text.encode())
        plan = GrantPlan(
            version=major,
            databases=(self._database,),
            roles=(PROBE, BYPASS),
            personas=(self.user,),
            bypassing=self.service,
        )
        for script in grant_scripts(plan).values():
            await self._admin.execute(script.encode())
        for login in (PROBE, BYPASS):
            await give_password(self._admin, login)

    async def clear(self) -> None:
        roles = f"{self.user}, {self.service}"
        await self._admin.execute(f"drop owned by {roles} cascade".encode())
        await self._admin.execute(f"drop role {roles}".encode())

    def conninfo(self, login: str) -> str:
        return self._cluster.conninfo(self._database, login, PASSWORD)

    async def login(self, login: str) -> Admin:
        return await psycopg.AsyncConnection.connect(
            self.conninfo(login), autocommit=True
        )

    async def probe(self) -> UnitCost:
        persona = Persona(name="alice", role=self.user)
        options = RlsOptions(
            personas=(persona,),
            probe=Credentials(conninfo=self.conninfo(PROBE)),
            bypass=Credentials(conninfo=self.conninfo(BYPASS)),
            bypass_role=self.service,
        )
        oid = await scalar(self._admin, "select 'public.notes'::regclass::oid::bigint")
        table = Guarded(
            database=self._database,
            relid=oid,
            schemaname="public",
            relname="notes",
            role=self.user,
        )
        async with ProbePair(options, instance="test", database=self._database) as pair:
            return await probe_table(
                pair,
                table,
                persona,
                options,
                policy_set="set",
                estimated_rows=3_000,
                relpages=40,
                now=NOW,
            )


@pytest.fixture
async def application(
    cluster: Cluster, database: str, admin: Admin, major: int
) -> AsyncIterator[Application]:
    made = Application(cluster, database, admin)
    await made.set_up(major)
    yield made
    await made.clear()


async def refused(connection: Admin, statement: str) -> bool:
    try:
        await connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


async def test_a_round_succeeds_with_what_is_printed(application: Application) -> None:
    cost = await application.probe()

    assert cost.status in {"ok", "unstable"}, cost.reason
    assert cost.rows > 0


@pytest.mark.parametrize("login", [PROBE, BYPASS])
async def test_a_login_by_itself_may_do_nothing(
    application: Application, login: str
) -> None:
    async with await application.login(login) as connection:
        found = [
            statement
            for statement in (
                "select count(*) from public.notes",
                "insert into public.notes values (0, '')",
                "create schema mine",
                "select pg_read_file('postgresql.conf')",
                "select pg_stat_reset()",
                "copy (select 1) to program 'true'",
            )
            if not await refused(connection, statement)
        ]
        groups = await rows(
            connection,
            "select r.rolname from pg_catalog.pg_roles as r"
            " where pg_catalog.pg_has_role(r.oid, 'usage')"
            " and r.rolname <> current_user",
        )

    assert found == []
    assert groups == []


async def test_each_login_becomes_its_own_side_and_no_other(
    application: Application,
) -> None:
    async with await application.login(PROBE) as probe:
        crossed = await refused(probe, f"set role {application.service}")
        monitors = await refused(probe, "set role pg_monitor")
        await probe.execute(f"set role {application.user}".encode())
    async with await application.login(BYPASS) as bypass:
        back = await refused(bypass, f"set role {application.user}")
        await bypass.execute(f"set role {application.service}".encode())

    assert (crossed, monitors, back) == (True, True, True)


async def test_connections_of_a_login_are_limited(application: Application) -> None:
    async with (
        await application.login(PROBE),
        await application.login(PROBE),
    ):
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            await application.login(PROBE)
