"""The policies as the specification writes them, on copies of the platform's tables.

Changed is only what keeps them from loading: the functions are in a schema of their
own, because schema auth may belong to somebody else, and read the copies. Its override
for super admins is there as a function but not as a policy: for an ordinary user it
would read all profiles for each row that the other policy refuses.
"""

from __future__ import annotations

from typing import Any

import psycopg

TABLES = (
    "user_profiles",
    "content_items",
    "content_assignments",
    "conversations",
    "conversation_messages",
)

_COPY = """
create table specified.{0} (
    like public.{0} including defaults including constraints
);
insert into specified.{0} select * from public.{0};
alter table specified.{0} add primary key (id);
alter table specified.{0} enable row level security;
grant select on specified.{0} to authenticated
"""
_FORM = """
create index on specified.content_items (organization_id, created_by);
create index on specified.content_assignments
    (content_item_id, user_id, is_active, expires_at);
create index on specified.conversations (user_id, status, last_message_at desc);
create index on specified.conversation_messages (conversation_id, created_at desc);
create index on specified.user_profiles (id, role, organization_id, is_active);
create index on specified.user_profiles (id) where role in ('super_admin', 'admin');

create function specified.current_user_id()
returns uuid
language sql
security definer
set search_path = auth, pg_temp
as $$
    select (select id from auth.users where id = auth.uid());
$$;

create function specified.current_user_org()
returns uuid
language sql
security definer
set search_path = specified, auth, pg_temp
as $$
    select organization_id
    from user_profiles
    where id = specified.current_user_id();
$$;

create function specified.is_super_admin()
returns boolean
language sql
security definer
set search_path = specified, auth, pg_temp
as $$
    select exists (
        select 1 from user_profiles
        where id = specified.current_user_id()
        and role = 'super_admin'
    );
$$;

create policy "Organization content access"
on specified.content_items
for select
to authenticated
using (
    organization_id = specified.current_user_org()
    or created_by = specified.current_user_id()
    or exists (
        select 1 from specified.content_assignments ca
        where ca.content_item_id = id
        and ca.user_id = specified.current_user_id()
        and ca.is_active = true
        and (ca.expires_at is null or ca.expires_at > now())
    )
);

create policy "User conversation access"
on specified.conversations
for all
to authenticated
using (user_id = specified.current_user_id());

create policy "User message access"
on specified.conversation_messages
for all
to authenticated
using (
    exists (
        select 1 from specified.conversations c
        where c.id = conversation_id
        and c.user_id = specified.current_user_id()
    )
)
"""


async def lay_down(connection: psycopg.AsyncConnection[Any]) -> None:
    """Copy the tables and put the specification's policies on them."""
    await connection.execute(
        "create schema specified; grant usage on schema specified to authenticated"
    )
    for table in TABLES:
        await connection.execute(_COPY.format(table).encode())
    await connection.execute(_FORM)
    await connection.execute(
        "grant execute on all functions in schema specified to authenticated"
    )
    await connection.execute("vacuum (analyze)")
