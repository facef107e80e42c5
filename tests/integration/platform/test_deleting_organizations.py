"""Deleting an organization: refused as one statement, done by the documented steps."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import LiteralString, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from monitor.model import script
from tests.integration.cli.test_schema import Shell
from tests.integration.platform.exported import Tenant, add_content, add_tenant
from tests.integration.platform.rows import add_child, add_item, refused, rows, scalar
from tests.platform import Connection, Platform

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S2.1.1-g")]

DOCUMENT = Path(__file__).parents[3] / "docs" / "platform.md"
SECTION = re.compile(
    r"^## Deleting an organization\n(.*?)^## ", re.DOTALL | re.MULTILINE
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def steps() -> list[tuple[str, str]]:
    """Return language and text of the section's blocks."""
    section = SECTION.search(DOCUMENT.read_text("utf-8"))
    assert section is not None
    return [
        (kind, textwrap.dedent(text)) for _, kind, text in BLOCK.findall(section[1])
    ]


async def follow(owner: Connection, text: str, values: dict[str, UUID]) -> None:
    """Run a block as psql does, with variables set."""
    lines = [line for line in text.splitlines() if not line.startswith("\\set")]
    text = re.sub(
        r":'(\w+)'",
        lambda found: sql.Literal(str(values[found[1]])).as_string(),
        "\n".join(lines),
    )
    for statement in script.statements(text):
        await owner.execute(cast("LiteralString", statement))


async def tie(owner: Connection, tenant: Tenant) -> None:
    """Tie an organization to others in every way there is."""
    parent = await add_child(owner, "parent")
    await owner.execute(
        "update public.organizations set parent_id = %s where id = %s",
        [parent, tenant.id],
    )
    elsewhere = await scalar(
        owner,
        "select organization_id from public.user_profiles where id = %s",
        tenant.outsider,
    )
    foreign = await add_item(owner, tenant.outsider, organization=elsewhere)
    await owner.execute(
        "insert into public.content_assignments"
        " (content_item_id, organization_id, assigned_by, assignment_type)"
        " values (%s, %s, %s, 'optional')",
        [foreign, tenant.id, tenant.outsider],
    )
    await add_content(owner, elsewhere, tenant.author, "Written for others")
    await add_child(owner, "child", tenant.id)


async def test_the_documented_steps_delete_it(
    platform: Platform, tmp_path: Path
) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await tie(owner, tenant)
    values = {"organization": tenant.id, "heir": tenant.outsider}
    (_, stop), (_, command), (_, delete) = steps()
    program, *arguments = command.split()

    await follow(owner, stop, values)
    replaced = {"ID": str(tenant.id), "FOLDER": str(tmp_path / "out")}
    exported = await asyncio.to_thread(
        Shell(platform.conninfo).run, *(replaced.get(a, a) for a in arguments)
    )
    await follow(owner, delete, values)

    assert (program, exported.exit_code) == ("pgvigil", 0)
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert await rows(
        owner,
        "select o.name, p.name, o.depth from public.organizations as o"
        " left join public.organizations as p on p.id = o.parent_id order by o.name",
    ) == [("child", "parent", 1), ("other acme", None, 0), ("parent", None, 0)]
    assert await rows(
        owner,
        "select i.title, i.created_by from public.content_items as i order by i.title",
    ) == [("A title", tenant.outsider), ("Written for others", tenant.outsider)]
    assert await rows(owner, "select id from auth.users") == [(tenant.outsider,)]
    assert await rows(
        owner,
        "select details ->> 'organization_id' from monitoring.operations_log"
        " where event = 'organization_deleted'",
    ) == [(str(tenant.id),)]


UNTIE: dict[str, LiteralString] = {
    "user_profiles": "update public.user_profiles set organization_id = null",
    "content_items": "update public.content_items set organization_id = null",
    "content_assignments": (
        "delete from public.content_assignments where organization_id is not null"
    ),
}


@pytest.mark.parametrize("left", UNTIE)
async def test_one_statement_does_not_delete_it(platform: Platform, left: str) -> None:
    owner = platform.owner
    tenant = await add_tenant(owner)
    await tie(owner, tenant)
    await owner.execute("update public.organizations set parent_id = null")
    for table in UNTIE.keys() - {left}:
        await owner.execute(UNTIE[table])

    async with refused(owner, psycopg.errors.ForeignKeyViolation) as raised:
        await owner.execute(
            "delete from public.organizations where id = %s", [tenant.id]
        )

    assert raised.value.diag.table_name == left


async def test_one_with_organizations_below_it_is_not_deleted(
    platform: Platform,
) -> None:
    parent = await add_child(platform.owner, "parent")
    await add_child(platform.owner, "child", parent)

    async with refused(platform.owner, psycopg.errors.ForeignKeyViolation):
        await platform.owner.execute(
            "delete from public.organizations where id = %s", [parent]
        )
