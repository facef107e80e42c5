"""Many rows of the platform, made in seconds: what plans and benchmarks are about.

Users are numbered from 1, which is the super admin; any other is no more than a user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from monitor.model.script import statements

SUPER_ADMIN = 1
ORDINARY = 42
"""Early in the table, which spares a form that reads it from its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows there are; a conversation has two messages."""

    organizations: int = 200
    profiles: int = 20_000
    items: int
    conversations: int

    @property
    def messages(self) -> int:
        return 2 * self.conversations


ROWS = """
begin;
-- Neither counters nor foreign keys: the rows are right as they are.
set local session_replication_role = replica;
insert into public.organizations (id, name, display_name)
select pg_catalog.md5('o' || n)::uuid, 'o' || n, 'o' || n
from pg_catalog.generate_series(1, {organizations}) as n;
insert into auth.users (id, email)
select pg_catalog.md5('u' || n)::uuid, 'u' || n || '@load.example'
from pg_catalog.generate_series(1, {profiles}) as n;
insert into public.user_profiles (id, email, full_name, organization_id, role)
select
    pg_catalog.md5('u' || n)::uuid,
    'u' || n || '@load.example',
    'User ' || n,
    pg_catalog.md5('o' || 1 + n % {organizations})::uuid,
    case n when 1 then 'super_admin' else 'user' end::public.user_role
from pg_catalog.generate_series(1, {profiles}) as n;
insert into public.content_items
    (id, repository_id, title, status, created_by, organization_id)
select
    pg_catalog.md5('i' || n)::uuid,
    (select r.id from public.content_repositories as r where r.name = 'videos'),
    'Item ' || n,
    case n % 3 when 0 then 'draft' else 'published' end::public.content_status,
    pg_catalog.md5('u' || 1 + n * 7919 % {profiles})::uuid,
    pg_catalog.md5('o' || 1 + (1 + n * 7919 % {profiles}) % {organizations})::uuid
from pg_catalog.generate_series(1::bigint, {items}) as n;
insert into public.content_assignments
    (content_item_id, user_id, assigned_by, assignment_type)
select
    pg_catalog.md5('i' || n)::uuid,
    pg_catalog.md5('u' || 1 + n * 31 % {profiles})::uuid,
    pg_catalog.md5('u1')::uuid,
    'required'
from pg_catalog.generate_series(1::bigint, {items} / 10) as n;
insert into public.conversations
    (id, user_id, message_count, last_sequence)
select
    pg_catalog.md5('c' || n)::uuid,
    pg_catalog.md5('u' || 1 + n * 7919 % {profiles})::uuid,
    2,
    2
from pg_catalog.generate_series(1::bigint, {conversations}) as n;
insert into public.conversation_messages
    (conversation_id, role, content, sequence_number)
select pg_catalog.md5('c' || n)::uuid, 'user', 'message ' || n, m
from
    pg_catalog.generate_series(1, {conversations}) as n,
    pg_catalog.generate_series(1, 2) as m;
commit;
vacuum (analyze);
"""


def user(number: int) -> UUID:
    """Return the id of a user by number."""
    with_prefix = f"u{number}".encode()
    return UUID(hashlib.md5(with_prefix, usedforsecurity=False).hexdigest())


async def fill(connection: psycopg.AsyncConnection[Any], size: Size) -> None:
    """Fill an empty platform, as a superuser."""
    text = ROWS.format(
        organizations=size.organizations,
        profiles=size.profiles,
        items=size.items,
        conversations=size.conversations,
    )
    for statement in statements(text):
        await connection.execute(statement.encode())
