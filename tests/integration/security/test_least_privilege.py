"""What print-grants prints is enough, and each grant that is missing is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from monitor.model.server import Server
from monitor.model.target import Credentials
from monitor.postgres.grants import OWNER, READER, GrantPlan, grant_scripts
from monitor.postgres.install import install
from monitor.postgres.migrate import Migrator
from monitor.postgres.session import Session
from monitor.postgres.store import Report, Store
from monitor.postgres.throwaway import ThrowawayServer
from tests.integration.postgres.schema import (
    ensure_role,
    installed,
    rows,
    session_to,
)
from tests.integration.runtime.loops import running, target_for, until
from tests.integration.runtime.test_target_loop import has_settled
from tests.servers import READER_PASSWORD, Cluster, binaries, reader_credentials

Admin = psycopg.AsyncConnection[Any]

# Nobody granted a look at table data, and no server reserves connections for us.
NEVER_GRANTED = {"pgstattuple", "planner_stats", "reserved_connections"}


@dataclass(frozen=True, slots=True)
class Survey:
    """What a loop found: collectors by why they do not run, what is missing."""

    ran: frozenset[str]
    skipped: dict[str, str]
    errors: dict[str, str]
    missing: dict[str, str]
    chore_error: str


async def survey(credentials: Credentials) -> Survey:
    """Watch a server until every collector has run or said why not."""
    async with running(target_for(credentials)) as loop:
        done: list[str] = []

        async def keep(session: Session, now: datetime) -> None:
            report = Report(target="t", at=now, valid_for=timedelta(minutes=1))
            await Store(session).save_samples(report, ())
            done.append("samples")

        loop.chore = keep
        await until(lambda: has_settled(loop))
        server = loop.roster.server
        assert server is not None
        if server.can("monitoring_schema"):
            await until(lambda: bool(done) or bool(loop.chore_error))
        statuses = loop.roster.statuses
        return Survey(
            ran=frozenset(s.name for s in statuses if s.last_success),
            skipped={s.name: s.skipped for s in statuses if s.skipped},
            errors={s.name: s.error for s in statuses if s.error},
            missing=_missing(server),
            chore_error=loop.chore_error,
        )


def _missing(server: Server) -> dict[str, str]:
    return {
        c.name: f"{c.reason}; {c.cure}" for c in server.capabilities if not c.available
    }


@pytest.fixture
async def reader(
    cluster: Cluster, database: str, admin: Admin, major: int
) -> AsyncIterator[Credentials]:
    """Return the reader as print-grants makes it, and nothing more."""
    await installed(cluster.conninfo(database))
    plan = GrantPlan(version=major, databases=(database,), roles=(OWNER, READER))
    for script in grant_scripts(plan).values():
        await admin.execute(script.encode())
    await admin.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(READER), sql.Literal(READER_PASSWORD)
        )
    )
    await admin.execute("create table public.orders (id serial primary key)")
    yield reader_credentials(cluster, database)
    for script in grant_scripts(plan).values():
        await admin.execute(script.encode())
    await admin.execute(f"alter role {READER} connection limit -1".encode())


@pytest.mark.pg("all")
@pytest.mark.promise(16)
@pytest.mark.requirement("X6")
async def test_every_collector_runs_with_what_is_printed(
    reader: Credentials, major: int
) -> None:
    found = await survey(reader)

    assert found.errors == {}
    assert found.chore_error == ""
    assert found.missing.keys() <= NEVER_GRANTED
    # What is left out is for standbys, or for a newer server.
    reasons = {r for r in found.skipped.values() if "standby only" not in r}
    assert all(r.startswith("needs PostgreSQL") for r in reasons), reasons
    assert len(found.ran) > 25
    assert major


@dataclass(frozen=True, slots=True)
class Loss:
    """A grant that is taken away, what goes with it, and words of the reason."""

    revoke: LiteralString
    restore: LiteralString
    capabilities: frozenset[str]
    collectors: frozenset[str]
    reason: str


LOSSES = [
    Loss(
        "revoke pg_monitor from pgvigil_reader",
        "grant pg_monitor to pgvigil_reader",
        frozenset(
            {"read_all_stats", "read_all_settings", "statement_texts", "wal_directory"}
        ),
        frozenset({"statement_texts", "wal_directory"}),
        "grant pg_monitor to pgvigil_reader",
    ),
    Loss(
        "drop extension pg_stat_statements",
        "create extension pg_stat_statements schema public",
        frozenset({"statements", "statement_texts"}),
        frozenset({"stat_statements", "statement_texts"}),
        "create extension pg_stat_statements",
    ),
    Loss(
        "revoke usage on schema monitoring from pgvigil_reader",
        "grant usage on schema monitoring to pgvigil_reader",
        frozenset({"monitoring_schema"}),
        frozenset(),
        "pgvigil print-grants",
    ),
    Loss(
        "revoke execute on function pg_catalog.pg_control_checkpoint() from public",
        "grant execute on function pg_catalog.pg_control_checkpoint() to public",
        frozenset({"control_data"}),
        frozenset({"control_checkpoint"}),
        "grant execute on function",
    ),
]


@pytest.mark.pg
@pytest.mark.promise(16)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.revoke)
@pytest.mark.requirement("X6")
async def test_a_missing_grant_costs_exactly_its_feature_and_is_named(
    reader: Credentials, admin: Admin, loss: Loss
) -> None:
    before = await survey(reader)
    await admin.execute(loss.revoke)
    try:
        after = await survey(reader)
    finally:
        # Roles and, in part, functions are the whole server's.
        await admin.execute(loss.restore)

    assert after.errors == {}
    assert after.missing.keys() - before.missing.keys() == loss.capabilities
    assert after.skipped.keys() - before.skipped.keys() == loss.collectors
    assert after.ran == before.ran - loss.collectors
    for name in loss.capabilities:
        assert loss.reason in after.missing[name]
    for name in loss.collectors:
        assert loss.reason in after.skipped[name]


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_a_report_that_may_not_be_written_costs_the_reports(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("revoke insert on monitoring.samples from pgvigil_reader")

    found = await survey(reader)

    assert "schema monitoring" in found.chore_error
    assert found.errors == {}
    assert len(found.ran) > 25


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_a_database_that_may_not_be_entered_is_left_alone(
    reader: Credentials, admin: Admin
) -> None:
    await admin.execute("create database closed")
    await admin.execute("revoke connect on database closed from public")
    try:
        async with running(target_for(reader)) as loop:
            await until(lambda: has_settled(loop))
            watched = loop.roster.databases
    finally:
        await admin.execute("drop database closed with (force)")

    assert "closed" not in watched
    assert len(watched) > 1


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_the_control_database_closed_to_us_is_down_and_says_so(
    reader: Credentials, admin: Admin, database: str
) -> None:
    await admin.execute(
        sql.SQL("revoke connect on database {0} from public, pgvigil_reader").format(
            sql.Identifier(database)
        )
    )

    async with running(target_for(reader)) as loop:
        await until(lambda: loop.has_tried)

        assert not loop.up
        assert "CONNECT privilege" in loop.error


@pytest.mark.pg(">=16")
@pytest.mark.promise(16)
async def test_reserved_connections_need_their_own_grant(major: int) -> None:
    settings = {"reserved_connections": "2"}
    with ThrowawayServer(settings, binaries=binaries(major)) as server:
        plan = GrantPlan(version=major, databases=("postgres",), roles=(READER,))
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as admin:
            for script in grant_scripts(plan).values():
                await admin.execute(script.encode())
            await admin.execute("alter role pgvigil_reader password 'x'")
            credentials = Credentials(
                conninfo=server.conninfo(user=READER, password="x")
            )
            granted = await survey(credentials)
            await admin.execute(
                "revoke pg_use_reserved_connections from pgvigil_reader"
            )
            revoked = await survey(credentials)

    assert revoked.missing.keys() - granted.missing.keys() == {"reserved_connections"}
    assert "grant pg_use_reserved" in revoked.missing["reserved_connections"]
    assert revoked.ran == granted.ran


API_ROLES = ("anon", "authenticated", "service_role")


@pytest.mark.pg
@pytest.mark.promise(16)
async def test_api_roles_get_nothing_even_where_they_get_all_by_default(
    conninfo: str, admin: Admin, major: int
) -> None:
    for role in API_ROLES:
        await ensure_role(admin, role)
    for kind in ("tables", "sequences", "functions", "schemas"):
        await admin.execute(
            sql.SQL("alter default privileges grant all on {} to {}").format(
                sql.SQL(kind), sql.SQL(", ").join(map(sql.Identifier, API_ROLES))
            )
        )
    await installed(conninfo)
    async with session_to(conninfo) as session:
        await Migrator(session, "monitoring").down("001", confirm=True)
        await install(session)

    found = await rows(admin, PRIVILEGES, list(API_ROLES))

    assert found == []
    assert major


PRIVILEGES: LiteralString = """
select r.rolname, 'schema' as object
from pg_roles as r, pg_namespace as n
where r.rolname = any (%s) and n.nspname = 'monitoring'
    and has_schema_privilege(r.oid, n.oid, 'usage, create')
union all
select a.grantee::regrole::text, c.relname
from pg_class as c, aclexplode(c.relacl) as a
where c.relnamespace = 'monitoring'::regnamespace
    and (a.grantee = 0 or a.grantee::regrole::text ~ '^(anon|authenticated|service)')
union all
select a.grantee::regrole::text, p.proname
from pg_proc as p,
    aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
where p.pronamespace = 'monitoring'::regnamespace
    and (a.grantee = 0 or a.grantee::regrole::text ~ '^(anon|authenticated|service)')
"""
