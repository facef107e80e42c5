"""What holds for every function of the platform, whoever installed it."""

from __future__ import annotations

import pytest

from tests.integration.postgres.schema import rows
from tests.platform import Administrator, Templates, copied
from tests.servers import Cluster

BOTH = pytest.mark.parametrize("administrator", ["superuser", "tenant"])
PLACES = "('public', 'app_private', 'app_partitions', 'monitoring')"

# A procedure with a setting of its own could not commit; it only calls functions.
WITHOUT_PATH = {"app_private.move_default_rows(regclass,date,date)"}


@pytest.mark.pg(">=15")
@pytest.mark.requirement("X2")
@BOTH
async def test_every_function_has_a_fixed_empty_search_path(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        found = await rows(
            made.owner,
            "select p.oid::regprocedure::text from pg_proc as p"
            f" where p.pronamespace::regnamespace::text in {PLACES}"
            " and not coalesce(p.proconfig, '{}') && array['search_path=\"\"',"
            " 'search_path=pg_catalog, pg_temp']",
        )

    assert {name for (name,) in found} == WITHOUT_PATH


@pytest.mark.pg(">=15")
@pytest.mark.requirement("X3")
@BOTH
async def test_no_function_is_everybodys_or_of_those_who_are_not_signed_in(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    async with copied(cluster, platform_templates, administrator) as made:
        found = await rows(
            made.owner,
            "select p.oid::regprocedure::text"
            " from pg_proc as p,"
            " aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a"
            f" where p.pronamespace::regnamespace::text in {PLACES}"
            " and a.grantee in (0, 'anon'::regrole)",
        )

    assert found == []


@pytest.mark.pg(">=15")
@pytest.mark.requirement("X3")
@BOTH
async def test_who_may_call_what_is_granted_by_name(
    cluster: Cluster, platform_templates: Templates, administrator: Administrator
) -> None:
    """An API role may call a helper only where a policy or request needs it."""
    async with copied(cluster, platform_templates, administrator) as made:
        by_role = {
            role: await rows(
                made.owner,
                "select p.oid::regprocedure::text from pg_proc as p"
                " where p.pronamespace = 'monitoring'::regnamespace"
                " and has_function_privilege(%s, p.oid, 'execute')",
                role,
            )
            for role in ("anon", "authenticated", "service_role")
        }

    assert by_role == {"anon": [], "authenticated": [], "service_role": []}
