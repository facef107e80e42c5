"""Our own lints: silent about what we ship, not about what was specified first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.model import script
from monitor.model.finding import Finding, Severity
from monitor.postgres.install import install
from monitor.postgres.migrate import Migrator
from monitor.runtime.rules import discover
from tests import servers
from tests.collecting import bench
from tests.integration.postgres.schema import Admin, scalar
from tests.judging import Court
from tests.platform import Platform, session_to
from tests.servers import Cluster

HERE = Path(__file__).parent
LINTS = [name for name, rule in discover().items() if rule.kind == "lint"]
POLICIES = {
    "public.content_items.Organization content access",
    "public.content_items.Organization content creation",
    "public.content_items.Super admin content override",
    "public.conversation_messages.User message access",
    "public.conversations.Super admin conversation override",
    "public.conversations.User conversation access",
    "public.user_profiles.Admins can manage all profiles",
    "public.user_profiles.Users can manage own profile",
}
TABLES_WITH_POLICIES = {
    "content_items",
    "conversation_messages",
    "conversations",
    "user_profiles",
}


def accepted() -> dict[tuple[str, str], str]:
    """Return the reasons by lint and object."""
    document = tomllib.loads((HERE / "accepted_findings.toml").read_text("utf-8"))
    return {
        (lint, name): reason
        for lint, objects in document.items()
        for name, reason in objects.items()
    }


@asynccontextmanager
async def court(cluster: Cluster, admin: Admin) -> AsyncGenerator[Court]:
    # Where a project has it, and not among what the API exposes.
    await admin.execute("create schema if not exists extensions")
    await admin.execute(
        "create extension if not exists pg_stat_statements schema extensions"
    )
    await servers.create_reader(admin)
    reader = servers.reader_credentials(cluster, admin.info.dbname)
    async with bench(reader) as at:
        yield Court(at)


async def findings(at: Court, admin: Admin) -> dict[str, tuple[Finding, ...]]:
    """Read the whole catalog, definitions of all policies included, and judge it."""
    expected = await scalar(admin, "select count(*) from pg_catalog.pg_policy")
    for _ in range(20):
        await at.read("catalog", "catalog_definitions", "lints")
        policies = at.catalogs[admin.info.dbname].policies
        if all(policy.using or policy.check for policy in policies):
            break
    assert len(at.catalogs[admin.info.dbname].policies) == expected
    return {name: at.judge(name) for name in LINTS}


def name_of(finding: Finding) -> str:
    """Return the object's name; months of partitions pass."""
    name = re.sub(r"_\d{4}_\d{2}$", "_YYYY_MM", finding.object.name)
    return f"{finding.object.schema}.{name}"


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-c", "S3-p8", "S3-p9")
async def test_the_shipped_schema_has_no_finding_that_is_not_accepted(
    cluster: Cluster, platform: Platform
) -> None:
    async with court(cluster, platform.owner) as at:
        found = await findings(at, platform.owner)

    everything = [one for group in found.values() for one in group]
    assert [one for one in everything if one.severity is not Severity.INFO] == []
    assert {
        (lint, name_of(one)) for lint, group in found.items() for one in group
    } == set(accepted())


def test_every_accepted_finding_has_a_reason() -> None:
    assert [key for key, reason in accepted().items() if len(reason) < 20] == []


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S3.1.1-c")
async def test_the_flaws_of_the_specified_policies_are_found(
    cluster: Cluster, conninfo: str, admin: Admin
) -> None:
    text = (HERE / "specified_policies.sql").read_text("utf-8")
    async with session_to(conninfo) as session:
        await install(session)
        await Migrator(session, "platform").up("001")
    # Both call it that; an index of a partitioned table comes with the table.
    await admin.execute("drop index if exists public.idx_conv_messages_rls")
    for statement in script.statements(text):
        await admin.execute(statement.encode())

    async with court(cluster, admin) as at:
        as_written = await findings(at, admin)
        for table in sorted(TABLES_WITH_POLICIES):
            await admin.execute(
                f"alter table public.{table} enable row level security".encode()
            )
        switched_on = await findings(at, admin)

    assert {name_of(one): one.severity for one in as_written["policy_without_rls"]} == {
        f"public.{table}": Severity.CRITICAL for table in TABLES_WITH_POLICIES
    }
    assert switched_on["policy_without_rls"] == ()
    assert {name_of(one) for one in switched_on["policy_volatile_function"]} == POLICIES
    assert {name_of(one) for one in switched_on["call_not_wrapped"]} == POLICIES
    assert as_written["policy_reads_own_table"] == ()
    assert {
        name_of(one): one.severity for one in switched_on["policy_reads_own_table"]
    } == {"public.user_profiles.Admins can manage all profiles": Severity.CRITICAL}
