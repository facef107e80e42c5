"""What is installed is what is committed, however it came about."""

from __future__ import annotations

import pytest

from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import load, shipped
from tests.platform import Administrator, Templates, copied, install, session_to
from tests.platform_manifest import golden, lines
from tests.servers import Cluster

BOTH = pytest.mark.parametrize("administrator", ["superuser", "tenant"])
STALE = "if that is what you want: python -m tests.platform_manifest"


@pytest.mark.pg(">=15")
@pytest.mark.requirement("index-map")
@BOTH
async def test_a_fresh_installation_is_the_committed_manifest(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        found = await lines(made.owner)

    assert golden() == found, STALE


@pytest.mark.pg(">=15")
@BOTH
async def test_file_by_file_down_and_up_again_is_the_same(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        async with session_to(made.conninfo) as session:
            runner = Migrator(session, "platform")
            await runner.down("none", confirm=True)
            # As the installation does: what is there is recorded, not run.
            if administrator == "tenant":
                await runner.baseline("000")
            for migration in load(shipped("platform")):
                await runner.up(migration.version)
                await runner.down(confirm=True)
                if administrator == "tenant" and migration.version == "000":
                    await runner.baseline("000")
                await runner.up(migration.version)
        again = await install(made.conninfo, administrator)
        found = await lines(made.owner)

    assert again.migrations == ()
    assert golden() == found, STALE


@pytest.mark.pg(">=15")
async def test_a_difference_shows(
    cluster: Cluster, platform_templates: Templates
) -> None:
    async with copied(cluster, platform_templates, "superuser") as made:
        await made.owner.execute(
            "alter table public.user_profiles disable row level security;"
            "grant select on public.user_profiles to anon;"
            "alter table public.organizations alter depth drop not null"
        )
        found = await lines(made.owner)

    missing = sorted(set(golden()) - set(found))
    assert [line.split()[:2] for line in missing] == [
        ["column", "public.organizations.depth"],
        ["relation", "public.user_profiles"],
    ]
    assert "grant SELECT on table public.user_profiles to anon" in found


@pytest.mark.pg(">=15")
async def test_interrupted_indexes_are_repaired(
    cluster: Cluster, platform_templates: Templates
) -> None:
    """As a server's crash leaves them: one is invalid, others are not there yet."""
    async with copied(cluster, platform_templates, "superuser") as made:
        await made.owner.execute(
            "update public.schema_migrations set duration_ms = null"
            " where version = '003';"
            "update pg_catalog.pg_index set indisvalid = false"
            " where indexrelid = 'public.idx_content_items_creator_date'::regclass;"
            "drop index public.idx_user_profiles_org_role"
        )
        async with session_to(made.conninfo) as session:
            status = await Migrator(session, "platform").status()
        repaired = await install(made.conninfo, "superuser")
        found = await lines(made.owner)

    assert [one.version for one in status if one.condition == "dirty"] == ["003"]
    assert repaired.migrations == ("003_create_performance_indexes.sql",)
    assert golden() == found
