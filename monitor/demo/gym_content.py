"""Rows for the demo's platform: organizations, their users, content, conversations."""

from __future__ import annotations

from typing import LiteralString

USERS = 200
ORGANIZATIONS = 20
ITEMS = 2_000

AUTH_SERVICE: LiteralString = """
    create role auth_service nologin bypassrls;
    grant auth_service to authenticator;
    grant usage on schema auth to auth_service;
    grant select, insert, update on auth.users to auth_service
"""
"""Who writes accounts: the stand-in for schema auth has tables, but no service."""

ROWS: LiteralString = """
    insert into public.organizations (id, name, display_name)
    select
        pg_catalog.md5('organization ' || n)::uuid,
        'organization-' || n,
        'Organization ' || n
    from pg_catalog.generate_series(0, 19) as n;

    -- A trigger makes their profiles.
    insert into auth.users (id, email, raw_user_meta_data)
    select
        pg_catalog.md5(n::text)::uuid,
        'user' || n || '@example.com',
        pg_catalog.jsonb_build_object('full_name', 'User ' || n)
    from pg_catalog.generate_series(0, 199) as n;

    update public.user_profiles as p
    set
        organization_id = pg_catalog.md5('organization ' || n % 20)::uuid,
        role = case n / 20
            when 0 then 'manager'
            when 1 then 'content_creator'
            else 'user'
        end::public.user_role
    from pg_catalog.generate_series(0, 199) as n
    where p.id = pg_catalog.md5(n::text)::uuid;

    insert into public.admin_permissions (user_id, resource, action)
    select pg_catalog.md5(n::text)::uuid, 'content', 'manage'
    from pg_catalog.generate_series(0, 19) as n;

    insert into public.content_items (
        repository_id,
        title,
        content_data,
        status,
        created_by,
        organization_id
    )
    select
        r.id,
        'item ' || n,
        pg_catalog.jsonb_build_object(
            'text', pg_catalog.repeat('something worth knowing ', 10)
        ),
        'published',
        pg_catalog.md5((20 + n % 20)::text)::uuid,
        pg_catalog.md5('organization ' || n % 20)::uuid
    from pg_catalog.generate_series(1, 2000) as n
    inner join (
        select
            i.id as id,
            pg_catalog.row_number() over (order by i.name) as number
        from public.content_repositories as i
    ) as r on r.number = 1 + n / 20 % 5;

    insert into public.conversations (id, user_id, title)
    select
        pg_catalog.md5('conversation ' || n)::uuid,
        pg_catalog.md5((n % 200)::text)::uuid,
        'conversation ' || n
    from pg_catalog.generate_series(1, 600) as n;

    insert into public.conversation_messages (conversation_id, role, content)
    select
        pg_catalog.md5('conversation ' || 1 + n % 600)::uuid,
        case n / 600 % 2 when 0 then 'user' else 'assistant' end::public.message_role,
        'message ' || n
    from pg_catalog.generate_series(0, 3599) as n
    order by n;

    analyze
"""
