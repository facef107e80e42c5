"""Statements that fill the platform for a load test: whole batches, no loops.

Everything is computed from a row's number and the seed, so that the same seed gives
the same rows. Numbers of one batch are `first` to `last`; steps like 7919 are primes,
which spread neighbours over the whole range.
"""

from __future__ import annotations

from typing import LiteralString

ORGANIZATIONS: LiteralString = """
insert into public.organizations (
    id,
    name,
    display_name,
    organization_path,
    user_limit
)
select
    o.id,
    'load-' || %(seed)s || '-' || n,
    'Organization ' || n,
    '/' || o.id || '/',
    null
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
cross join lateral (
    select pg_catalog.md5('organization/' || %(seed)s || '/' || n)::uuid as id
) as o
"""

USERS: LiteralString = """
insert into auth.users (id, email, raw_user_meta_data)
select
    pg_catalog.md5('user/' || %(seed)s || '/' || n)::uuid,
    'user' || n || '.' || %(seed)s || '@load.example',
    pg_catalog.jsonb_build_object('full_name', 'User ' || n)
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
"""

PROFILES: LiteralString = """
insert into public.user_profiles (
    id,
    email,
    full_name,
    role,
    is_active,
    organization_id,
    department
)
select
    pg_catalog.md5('user/' || %(seed)s || '/' || n)::uuid,
    'user' || n || '.' || %(seed)s || '@load.example',
    'User ' || n,
    case
        when n = 1 then 'super_admin'
        when n %% 1000 = 2 then 'admin'
        when n %% 50 = 3 then 'manager'
        when n %% 20 = 4 then 'content_creator'
        else 'user'
    end::public.user_role,
    n %% 100 <> 99,
    pg_catalog.md5(
        'organization/' || %(seed)s || '/' || 1 + n %% %(organizations)s
    )::uuid,
    'department ' || n %% 7
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
-- Where triggers fire, the account has made its profile.
on conflict (id) do update set
    full_name = excluded.full_name,
    role = excluded.role,
    is_active = excluded.is_active,
    organization_id = excluded.organization_id,
    department = excluded.department
"""

ITEMS: LiteralString = """
insert into public.content_items (
    id,
    repository_id,
    title,
    description,
    content_data,
    status,
    created_by,
    organization_id,
    created_at,
    updated_at,
    published_at
)
select
    pg_catalog.md5('item/' || %(seed)s || '/' || n)::uuid,
    (
        array(
            select r.id
            from public.content_repositories as r
            where
                r.name in (
                    'ai_agents', 'automations', 'documents', 'prompts', 'videos'
                )
            order by r.name
        )
    )[1 + n %% 5],
    'Item ' || n,
    'What item ' || n || ' is about',
    pg_catalog.jsonb_build_object(
        'body', pg_catalog.repeat('words of item ' || n || ' ', 40)
    ),
    i.status,
    pg_catalog.md5('user/' || %(seed)s || '/' || i.creator)::uuid,
    pg_catalog.md5(
        'organization/' || %(seed)s || '/' || 1 + i.creator %% %(organizations)s
    )::uuid,
    i.moment,
    i.moment,
    case when i.status in ('published', 'archived') then i.moment end
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
cross join lateral (
    select
        1 + (n::bigint * 7919) %% %(profiles)s as creator,
        %(until)s::timestamptz
        - interval '1 year' * ((n::bigint * 104729) %% 1000003) / 1000003 as moment,
        case (n / 5) %% 10
            when 0 then 'draft'
            when 1 then 'review'
            when 2 then 'approved'
            when 3 then 'archived'
            else 'published'
        end::public.content_status as status
) as i
"""

ASSIGNMENTS: LiteralString = """
insert into public.content_assignments (
    id,
    content_item_id,
    user_id,
    organization_id,
    assigned_by,
    assignment_type,
    access_level,
    expires_at
)
select
    pg_catalog.md5('assignment/' || %(seed)s || '/' || n || '/' || t.kind)::uuid,
    i.id,
    case
        when t.kind = 'user'
            then pg_catalog.md5(
                'user/' || %(seed)s || '/' || 1 + (n::bigint * 31337) %% %(profiles)s
            )::uuid
    end,
    case
        when t.kind = 'organization'
            then pg_catalog.md5(
                'organization/' || %(seed)s || '/'
                || 1 + (n::bigint * 127) %% %(organizations)s
            )::uuid
    end,
    i.created_by,
    'recommended',
    case when n %% 9 = 0 then 'edit' else 'read' end::public.access_level,
    case when n %% 4 = 0 then %(until)s::timestamptz + interval '90 days' end
from pg_catalog.generate_series(%(first)s::integer, %(last)s::integer) as n
join public.content_items as i
    on i.id = pg_catalog.md5('item/' || %(seed)s || '/' || n)::uuid
cross join (
    values
        ('user', 1),
        ('organization', 7)
) as t (kind, every)
where
    n %% t.every = 0
    and i.status <> 'archived'
"""

IS_THERE: LiteralString = """
select
    exists (
        select 1
        from auth.users as u
        where u.id = pg_catalog.md5('user/' || %(seed)s || '/1')::uuid
    ),
    exists (select 1 from auth.users as u where u.email not like '%%@load.example')
"""

CLEAN_UP: LiteralString = """
vacuum (analyze)
    public.organizations,
    public.user_profiles,
    public.content_items,
    public.content_assignments,
    public.conversations,
    public.conversation_messages
"""
