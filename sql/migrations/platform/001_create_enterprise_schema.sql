-- Migration: 001_create_enterprise_schema
-- Description: the application's types, tables, constraints, partitions and the
-- triggers that keep its data whole. Row level security follows in 002, all indexes
-- that only serve speed in 003, the audit log in 004.

-- Helpers of policies and triggers, never exposed through an API.
create schema app_private;
-- Partitions: out of reach of API roles, who see the parents only.
create schema app_partitions;

-- Types come first. One that exists already is used if it has the same labels.
do $$
declare
    wanted record;
    present text[];
begin
    for wanted in
        select
            t.name as name,
            t.labels as labels
        from (
            values
                (
                    'user_role',
                    array['super_admin', 'admin', 'content_creator', 'manager', 'user']
                ),
                (
                    'content_type',
                    array['ai_agent', 'video', 'document', 'prompt', 'automation']
                ),
                (
                    'content_status',
                    array['draft', 'review', 'approved', 'published', 'archived']
                ),
                (
                    'conversation_status',
                    array['active', 'paused', 'completed', 'archived']
                ),
                ('message_role', array['user', 'assistant', 'system']),
                ('org_status', array['active', 'suspended', 'trial', 'inactive']),
                ('assignment_type', array['required', 'optional', 'recommended']),
                ('access_level', array['read', 'comment', 'edit', 'manage'])
        ) as t (name, labels)
    loop
        if pg_catalog.to_regtype(pg_catalog.format('public.%I', wanted.name)) is null
        then
            execute pg_catalog.format(
                'create type public.%I as enum (%s)',
                wanted.name,
                (
                    select pg_catalog.string_agg(pg_catalog.quote_literal(l.label), ', ')
                    from pg_catalog.unnest(wanted.labels) as l (label)
                )
            );
            continue;
        end if;
        select pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder)
        into present
        from pg_catalog.pg_enum as e
        where
            e.enumtypid
            = pg_catalog.to_regtype(pg_catalog.format('public.%I', wanted.name));
        if present is distinct from wanted.labels then
            raise exception 'type "public.%" exists with other labels', wanted.name
                using
                    errcode = 'duplicate_object',
                    detail = pg_catalog.format(
                        'Wanted are %s, it has %s.', wanted.labels, present
                    ),
                    hint = 'Rename the existing type first.';
        end if;
    end loop;
end
$$;

create table public.organizations (
    id uuid primary key default gen_random_uuid(),
    name text not null unique,
    display_name text not null,
    description text,
    parent_id uuid references public.organizations (id),
    organization_path text,
    depth integer not null default 0,
    settings jsonb not null default '{}',
    branding jsonb not null default '{}',
    features jsonb not null default '{}',
    subscription_tier text not null default 'basic',
    user_limit integer default 100,
    storage_limit_gb integer default 10,
    status public.org_status not null default 'active',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

comment on column public.organizations.organization_path is
    'Ids from the root to this organization, as /<id>/<id>/; kept by a trigger.';
comment on column public.organizations.user_limit is
    'Most profiles it may have; null is unlimited.';
comment on column public.organizations.storage_limit_gb is
    'Agreed storage in GB; reported, not enforced.';

create table public.user_profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text not null,
    full_name text,
    avatar_url text,
    role public.user_role not null default 'user',
    is_active boolean not null default true,
    organization_id uuid references public.organizations (id),
    department text,
    job_title text,
    phone text,
    timezone text default 'UTC',
    language text default 'en',
    preferences jsonb not null default '{}',
    last_login_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- The auth service has validated the address; this only catches what is none.
    constraint chk_user_email_format
        check (email ~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$')
);

create unique index user_profiles_email_key on public.user_profiles (lower(email));

create table public.admin_permissions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    resource text not null,
    action text not null,
    scope text not null default 'organization',
    granted_by uuid references auth.users (id) on delete set null,
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    unique (user_id, resource, action, scope),
    constraint chk_permission_resource
        check (resource in ('users', 'content', 'analytics', 'system')),
    constraint chk_permission_action
        check (action in ('create', 'read', 'update', 'delete', 'manage')),
    constraint chk_permission_scope
        check (scope in ('all', 'organization', 'department'))
);

create table public.content_repositories (
    id uuid primary key default gen_random_uuid(),
    name text not null unique,
    display_name text not null,
    description text,
    content_type public.content_type not null,
    settings jsonb not null default '{}',
    is_active boolean not null default true,
    created_at timestamptz not null default now()
);

insert into public.content_repositories (name, display_name, content_type)
values
    ('ai_agents', 'AI agents', 'ai_agent'),
    ('videos', 'Videos', 'video'),
    ('documents', 'Documents', 'document'),
    ('prompts', 'Prompts', 'prompt'),
    ('automations', 'Automations', 'automation')
on conflict (name) do nothing;

create table public.content_items (
    id uuid primary key default gen_random_uuid(),
    repository_id uuid not null references public.content_repositories (id),
    title text not null,
    description text,
    content_data jsonb not null default '{}',
    metadata jsonb not null default '{}',
    status public.content_status not null default 'draft',
    version integer not null default 1,
    created_by uuid not null references auth.users (id),
    organization_id uuid references public.organizations (id),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    published_at timestamptz,
    -- A tsvector holds at most 1 MB: of long content only the beginning is searched.
    search_vector tsvector generated always as (
        setweight(to_tsvector('pg_catalog.english', title), 'A')
        || setweight(to_tsvector('pg_catalog.english', coalesce(description, '')), 'B')
        || setweight(
            to_tsvector('pg_catalog.english', left(content_data::text, 200000)), 'C'
        )
    ) stored,
    constraint chk_content_title_length
        check (length(btrim(title)) between 1 and 500 and length(title) <= 1000),
    constraint chk_content_description_length
        check (length(description) <= 20000),
    constraint chk_content_version_positive
        check (version > 0)
);

create table public.content_versions (
    id uuid primary key default gen_random_uuid(),
    content_item_id uuid not null
        references public.content_items (id) on delete cascade,
    version_number integer not null,
    title text not null,
    description text,
    content_data jsonb not null,
    metadata jsonb not null default '{}',
    change_summary text,
    created_by uuid not null references auth.users (id),
    created_at timestamptz not null default now(),
    unique (content_item_id, version_number)
);

create table public.content_assignments (
    id uuid primary key default gen_random_uuid(),
    content_item_id uuid not null
        references public.content_items (id) on delete cascade,
    organization_id uuid references public.organizations (id),
    user_id uuid references auth.users (id) on delete cascade,
    assigned_by uuid not null references auth.users (id),
    assignment_type public.assignment_type not null,
    access_level public.access_level not null default 'read',
    starts_at timestamptz,
    expires_at timestamptz,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint chk_assignment_exactly_one_target
        check ((organization_id is not null) <> (user_id is not null)),
    constraint chk_assignment_period
        check (expires_at > starts_at)
);

create unique index content_assignments_active_user_key
on public.content_assignments (content_item_id, user_id)
where is_active;

create unique index content_assignments_active_organization_key
on public.content_assignments (content_item_id, organization_id)
where is_active;

create table public.conversations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    ai_agent_id uuid references public.content_items (id) on delete set null,
    title text,
    summary text,
    status public.conversation_status not null default 'active',
    context_data jsonb not null default '{}',
    message_count integer not null default 0,
    total_tokens integer not null default 0,
    estimated_cost numeric(10, 4) not null default 0.00,
    started_at timestamptz not null default now(),
    last_message_at timestamptz not null default now(),
    ended_at timestamptz,
    created_date date not null default (now() at time zone 'UTC')::date,
    last_sequence integer not null default 0,
    constraint chk_conversation_tokens_positive
        check (total_tokens >= 0),
    constraint chk_conversation_cost_positive
        check (estimated_cost >= 0),
    constraint chk_conversation_created_date
        check (
            created_date - (started_at at time zone 'UTC')::date between -1 and 1
        )
);

comment on column public.conversations.last_sequence is
    'Number of the newest message ever; unlike message_count it never falls.';
comment on column public.conversations.estimated_cost is
    'Sum of the cost of its messages, in whole units of currency.';

create table public.conversation_messages (
    id uuid not null default gen_random_uuid(),
    conversation_id uuid not null
        references public.conversations (id) on delete cascade,
    role public.message_role not null,
    content text not null,
    metadata jsonb not null default '{}',
    tokens_used integer,
    processing_time_ms integer,
    model_used text,
    cost_cents integer,
    sequence_number integer not null,
    created_at timestamptz not null default now(),
    created_date date not null default (now() at time zone 'UTC')::date,
    primary key (id, created_date),
    -- The rule is wider, one number per conversation: a trigger hands them out.
    unique (conversation_id, sequence_number, created_date),
    constraint chk_message_sequence_positive
        check (sequence_number > 0),
    constraint chk_message_content_not_empty
        check (content ~ '\S'),
    constraint chk_message_created_date
        check (
            created_date - (created_at at time zone 'UTC')::date between -1 and 1
        )
) partition by range (created_date);

-- Events that are not changes of rows: exports, switches of mode, repairs.
create table monitoring.operations_log (
    id bigint generated always as identity primary key,
    event text not null,
    actor text not null default session_user,
    actor_id uuid,
    reason text not null default '',
    details jsonb not null default '{}',
    created_at timestamptz not null default now()
);

-- Partitions by month. The default one takes what no other does, so that a missing
-- partition never fails a write; it is meant to stay empty.

create function app_private.create_default_partition(parent regclass)
returns void
language plpgsql
set search_path = ''
as $$
declare
    child text := (
        select c.relname || '_default'
        from pg_catalog.pg_class as c
        where c.oid = parent
    );
begin
    execute pg_catalog.format(
        'create table app_partitions.%I partition of %s default', child, parent
    );
    perform app_private.close_partition(child);
end
$$;

create function app_private.create_partition(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    since date := pg_catalog.date_trunc('month', month)::date;
    child text := (
        select c.relname || pg_catalog.to_char(since, '_YYYY_MM')
        from pg_catalog.pg_class as c
        where c.oid = parent
    );
begin
    -- LIKE, then ATTACH: CREATE TABLE … PARTITION OF would lock the parent
    -- against readers.
    execute pg_catalog.format(
        'create table app_partitions.%I (like %s including all excluding indexes)',
        child,
        parent
    );
    perform app_private.close_partition(child);
    execute pg_catalog.format(
        'alter table %s attach partition app_partitions.%I '
        'for values from (%L) to (%L)',
        parent,
        child,
        since,
        (since + interval '1 month')::date
    );
end
$$;

create function app_private.close_partition(child text)
returns void
language plpgsql
set search_path = ''
as $$
begin
    execute pg_catalog.format(
        'alter table app_partitions.%I enable row level security', child
    );
    execute pg_catalog.format(
        'revoke all on app_partitions.%I '
        'from public, anon, authenticated, service_role',
        child
    );
end
$$;

comment on function app_private.close_partition(text) is
    'Keeps API roles out of a partition: rows are reached through the parent only.';

select app_private.create_default_partition('public.conversation_messages');
select
    app_private.create_partition('public.conversation_messages', m.month::date)
from
    pg_catalog.generate_series(
        pg_catalog.date_trunc('month', now() at time zone 'UTC') - interval '1 month',
        pg_catalog.date_trunc('month', now() at time zone 'UTC') + interval '3 months',
        interval '1 month'
    ) as m (month);
