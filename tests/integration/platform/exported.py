"""Organizations to export: a small one with something of everything, and large ones."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.conninfo import conninfo_to_dict

from tests.integration.cli.test_schema import VARIABLES
from tests.platform import Connection, Platform, add_organization, add_user

CONTENT_COLUMNS = 13
"""All of content_items but search_vector."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization with two users and one item of everything.

    `outsider` is of another organization and was assigned the content; `old` is a
    conversation begun 100 days ago.
    """

    id: UUID
    author: UUID
    outsider: UUID
    content: UUID
    recent: UUID
    old: UUID


async def add_tenant(owner: Connection, name: str = "acme") -> Tenant:
    """Create a small organization beside another one."""
    organization = await add_organization(owner, name=name)
    other = await add_organization(owner, name=f"other {name}")
    author = await add_user(
        owner, email=f"author@{name}.example", organization=organization
    )
    outsider = await add_user(
        owner, email=f"outsider@{name}.example", organization=other
    )
    await owner.execute(
        "insert into public.admin_permissions (user_id, resource, action)"
        " values (%s, 'content', 'read')",
        [author],
    )
    content = await add_content(owner, organization, author)
    await owner.execute(
        "insert into public.content_assignments"
        " (content_item_id, user_id, assigned_by, assignment_type)"
        " values (%s, %s, %s, 'optional')",
        [content, outsider, author],
    )
    recent = await add_conversation(owner, author, days_ago=0)
    old = await add_conversation(owner, author, days_ago=100)
    await add_conversation(owner, outsider, days_ago=0)
    return Tenant(organization, author, outsider, content, recent, old)


async def add_content(
    owner: Connection, organization: UUID, author: UUID, title: str = "A \\ title\n"
) -> UUID:
    """Create a document, changed once so that there is a version of it."""
    cursor = await owner.execute(
        """
        insert into public.content_items (
            repository_id, title, created_by, organization_id
        )
        select r.id, %s, %s, %s
        from public.content_repositories as r
        where r.name = 'documents'
        returning id
        """,
        [title, author, organization],
    )
    row = await cursor.fetchone()
    assert row is not None
    await owner.execute(
        """
        insert into public.content_versions (
            content_item_id, version_number, title, content_data, created_by
        )
        values (%s, 1000, 'older', '{"quote": "\\"", "tab": "\\t"}', %s)
        """,
        [row[0], author],
    )
    return row[0]


async def add_conversation(owner: Connection, user: UUID, *, days_ago: int) -> UUID:
    """Create a conversation with three messages."""
    cursor = await owner.execute(
        """
        insert into public.conversations (user_id, started_at, created_date)
        values (
            %(user)s,
            now() - make_interval(days => %(days)s),
            (now() at time zone 'UTC')::date - %(days)s
        )
        returning id
        """,
        {"user": user, "days": days_ago},
    )
    row = await cursor.fetchone()
    assert row is not None
    await owner.execute(
        """
        insert into public.conversation_messages (conversation_id, role, content)
        select %s, 'user', 'line' || chr(10) || 'with \\ and \\n ' || n
        from generate_series(1, 3) as n
        """,
        [row[0]],
    )
    return row[0]


# What a row of the export is counted by, in SQL of its own.
COUNTS = """
select 'organization', count(*) from public.organizations where id = %(id)s
union all
select 'users', count(*) from public.user_profiles where organization_id = %(id)s
union all
select 'permissions', count(*) from public.admin_permissions
where user_id in (
    select id from public.user_profiles where organization_id = %(id)s
)
union all
select 'repositories', count(*) from public.content_repositories
where id in (
    select repository_id from public.content_items where organization_id = %(id)s
)
union all
select 'content', count(*) from public.content_items where organization_id = %(id)s
union all
select 'versions', count(*) from public.content_versions
where content_item_id in (
    select id from public.content_items where organization_id = %(id)s
)
union all
select 'assignments', count(*) from public.content_assignments
where organization_id = %(id)s
    or user_id in (
        select id from public.user_profiles where organization_id = %(id)s
    )
    or content_item_id in (
        select id from public.content_items where organization_id = %(id)s
    )
union all
select 'conversations', count(*) from public.conversations
where started_at > now() - make_interval(days => %(days)s)
    and user_id in (
        select id from public.user_profiles where organization_id = %(id)s
    )
union all
select 'messages', count(*) from public.conversation_messages
where conversation_id in (
    select c.id
    from public.conversations as c
    join public.user_profiles as p on p.id = c.user_id
    where p.organization_id = %(id)s
        and c.started_at > now() - make_interval(days => %(days)s)
)
"""


async def counted(
    owner: Connection, organization: UUID, days: int = 90
) -> dict[str, int]:
    """Return how many rows an organization has, by section."""
    cursor = await owner.execute(COUNTS, {"id": organization, "days": days})
    return dict(await cursor.fetchall())


_MESSAGES = """
insert into public.conversation_messages (
    conversation_id, role, content, sequence_number, created_date
)
select
    c.id,
    'user',
    -- Text that hardly compresses, with what COPY and JSON have to escape.
    'a "quote", a \\ and a line' || chr(10) || (
        select string_agg(md5(concat(c.id, n, k)), ' ')
        from generate_series(1, 30) as k
    ),
    n,
    c.created_date
from public.conversations as c
cross join generate_series(1, 100) as n
where c.user_id = %(user)s
    and c.message_count = 0
"""
_BYTES_OF_A_MESSAGE = 1350
_MESSAGES_OF_A_CONVERSATION = 100


async def enlarge(owner: Connection, tenant: Tenant, size_bytes: int) -> None:
    """Add messages until an export is about that large.

    Triggers that number messages row by row are off meanwhile.
    """
    conversations = size_bytes // (_BYTES_OF_A_MESSAGE * _MESSAGES_OF_A_CONVERSATION)
    async with owner.transaction():
        await owner.execute(
            "alter table public.conversation_messages disable trigger user"
        )
        await owner.execute(
            "insert into public.conversations (user_id)"
            " select %s from generate_series(1, %s)",
            [tenant.author, conversations],
        )
        await owner.execute(_MESSAGES, {"user": tenant.author})
        await owner.execute(
            "alter table public.conversation_messages enable trigger user"
        )
    await owner.execute("analyze public.conversation_messages, public.conversations")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one export took, in a process of its own."""

    seconds: float
    peak_bytes: int
    size_bytes: int
    manifest: dict[str, Any]


async def measured(
    platform: Platform, tenant: Tenant, folder: Path, *options: str
) -> Measured:
    """Export a tenant and watch the process's memory."""
    parts = conninfo_to_dict(platform.conninfo)
    environ = {VARIABLES[k]: str(v) for k, v in parts.items()}
    command = [sys.executable, "-m", "monitor", "platform", "export", "org"]
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        str(tenant.id),
        "--directory",
        str(folder),
        *options,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.DEVNULL,
    )
    ending = asyncio.create_task(process.wait())
    peak = 0
    while not ending.done():
        peak = max(peak, peak_bytes(process.pid))
        await asyncio.wait({ending}, timeout=0.02)
    assert process.returncode == 0
    manifest = json.loads((folder / "manifest.json").read_text())
    return Measured(
        time.monotonic() - begun,
        peak,
        sum(section["uncompressed_bytes"] for section in manifest["sections"]),
        manifest,
    )


def peak_bytes(pid: int) -> int:
    """Return the most memory a process has held, 0 once it is gone.

    getrusage() of a child would count what its parent held when it was forked.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0
