-- Migration: 001_create_enterprise_schema
-- Description: the application's types, tables, constraints, partitions and the
-- triggers that keep its data whole. Row level security follows in 002, indexes that
-- only serve speed in 003, the audit log in 004.

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

-- These only serve speed, but cannot wait for 003: CONCURRENTLY is refused on a
-- partitioned table, and without it writers would be held up once there are rows.
-- Partitions get them while they are empty, when they are attached.

create index idx_conv_messages_role
on public.conversation_messages (role);

create index idx_conv_messages_date
on public.conversation_messages (created_date);

create index idx_conv_messages_rls
on public.conversation_messages (conversation_id, created_at desc);

create index idx_user_activity
on public.conversation_messages (created_date, role)
where role = 'user';

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

-- Triggers that keep the data whole. What writes beyond the row itself is SECURITY
-- DEFINER, because a caller under row level security may not see or change it. Their
-- names decide their order: PostgreSQL fires them alphabetically.

create function app_private.set_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if new is distinct from old then
        new.updated_at := pg_catalog.now();
    end if;
    return new;
end
$$;

create trigger trg_updated_at
before update on public.organizations
for each row
execute function app_private.set_updated_at();

create trigger trg_updated_at
before update on public.user_profiles
for each row
execute function app_private.set_updated_at();

create trigger trg_updated_at
before update on public.content_assignments
for each row
execute function app_private.set_updated_at();

-- A generated column is always null in NEW here, so that the rows would always
-- differ: the condition lists all other columns.
create trigger trg_updated_at
before update on public.content_items
for each row
when (
    (
        old.id,
        old.repository_id,
        old.title,
        old.description,
        old.content_data,
        old.metadata,
        old.status,
        old.version,
        old.created_by,
        old.organization_id,
        old.created_at,
        old.updated_at,
        old.published_at
    )
    is distinct from (
        new.id,
        new.repository_id,
        new.title,
        new.description,
        new.content_data,
        new.metadata,
        new.status,
        new.version,
        new.created_by,
        new.organization_id,
        new.created_at,
        new.updated_at,
        new.published_at
    )
)
execute function app_private.set_updated_at();

-- Whoever signs up gets a profile as soon as there is an address; role and
-- organization never come from the metadata, which users write themselves. A failure
-- must not stop the sign-up: it becomes a row of the operations log, where it can be
-- counted, and unlike a warning it outlives the server's log.
create function app_private.sync_user_profile()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if new.email is null then
        return null;
    end if;
    insert into public.user_profiles as p (
        id, email, full_name, avatar_url, last_login_at
    )
    values (
        new.id,
        pg_catalog.lower(new.email),
        new.raw_user_meta_data ->> 'full_name',
        new.raw_user_meta_data ->> 'avatar_url',
        new.last_sign_in_at
    )
    on conflict (id) do update
    set
        email = excluded.email,
        last_login_at = coalesce(excluded.last_login_at, p.last_login_at)
    where
        (p.email, p.last_login_at)
        is distinct from (
            excluded.email, coalesce(excluded.last_login_at, p.last_login_at)
        );
    return null;
exception
    when others then
        begin
            insert into monitoring.operations_log (event, actor_id, reason, details)
            values (
                'profile_failed',
                new.id,
                sqlerrm,
                pg_catalog.jsonb_build_object('sqlstate', sqlstate)
            );
        exception
            when others then
                raise warning 'could not keep that profile "%" failed: %',
                    new.id, sqlerrm;
        end;
        return null;
end
$$;

create trigger pgvigil_sync_user_profile
after insert or update of email, last_sign_in_at on auth.users
for each row
execute function app_private.sync_user_profile();

-- Those who signed up before. An address that another one has in other case, or that
-- is none, stays without a profile; the next change of it is tried again.
insert into public.user_profiles (id, email, full_name, avatar_url, last_login_at)
select
    u.id,
    pg_catalog.lower(u.email),
    u.raw_user_meta_data ->> 'full_name',
    u.raw_user_meta_data ->> 'avatar_url',
    u.last_sign_in_at
from auth.users as u
where u.email ~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$'
order by u.created_at, u.id
on conflict do nothing;

-- No CHECK: it may not hold a subquery, and a function declared immutable would break
-- a restore once the time zone database has changed.
create function app_private.check_user_timezone()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    -- Listing the names reads hundreds of files; most profiles keep the default.
    if new.timezone is null
        or new.timezone = 'UTC'
        or exists (
            select 1 from pg_catalog.pg_timezone_names as z where z.name = new.timezone
        )
    then
        return new;
    end if;
    raise exception 'unknown time zone "%"', new.timezone
        using
            errcode = 'check_violation',
            schema = 'public',
            table = 'user_profiles',
            column = 'timezone',
            constraint = 'chk_user_timezone_valid',
            hint = 'Take a name of pg_catalog.pg_timezone_names.';
end
$$;

create trigger trg_user_timezone
before insert or update of timezone on public.user_profiles
for each row
execute function app_private.check_user_timezone();

create function app_private.check_user_limit()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    most integer;
    present bigint;
begin
    if new.role = 'super_admin' then
        return new;
    end if;
    -- Whoever comes second waits here and then counts the first one too. An
    -- organization without a limit is not locked.
    select o.user_limit
    into most
    from public.organizations as o
    where o.id = new.organization_id and o.user_limit is not null
    for no key update;
    if most is null then
        return new;
    end if;
    select pg_catalog.count(*)
    into present
    from public.user_profiles as p
    where p.organization_id = new.organization_id and p.id <> new.id;
    if present < most or app_private.is_super_admin() then
        return new;
    end if;
    raise exception 'organization "%" has reached its limit of % users',
        new.organization_id, most
        using
            errcode = 'check_violation',
            schema = 'public',
            table = 'user_profiles',
            column = 'organization_id',
            constraint = 'chk_organization_user_limit';
end
$$;

create trigger trg_user_limit_insert
before insert on public.user_profiles
for each row
when (new.organization_id is not null)
execute function app_private.check_user_limit();

create trigger trg_user_limit_move
before update of organization_id on public.user_profiles
for each row
when (
    new.organization_id is not null
    and new.organization_id is distinct from old.organization_id
)
execute function app_private.check_user_limit();

create function app_private.place_organization()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    own text := pg_catalog.format('/%s/', new.id);
    above text;
    levels integer;
begin
    if new.parent_id is null then
        new.organization_path := own;
        new.depth := 0;
        return new;
    end if;
    -- Two moves at once could close a circle that neither sees, and a new child
    -- could miss its parent's move: one change of the tree at a time. The number is
    -- only this lock's.
    perform pg_catalog.pg_advisory_xact_lock(1885828711, 1);
    select
        o.organization_path,
        o.depth
    into above, levels
    from public.organizations as o
    where o.id = new.parent_id;
    if new.parent_id = new.id or pg_catalog.strpos(above, own) > 0 then
        raise exception 'organization "%" cannot lie below itself', new.id
            using
                errcode = 'check_violation',
                schema = 'public',
                table = 'organizations',
                column = 'parent_id',
                constraint = 'chk_organization_no_cycle';
    elsif above is null then
        raise exception 'organization "%" does not exist', new.parent_id
            using
                errcode = 'foreign_key_violation',
                schema = 'public',
                table = 'organizations',
                column = 'parent_id',
                constraint = 'organizations_parent_id_fkey';
    end if;
    new.organization_path := above || new.id::text || '/';
    new.depth := levels + 1;
    if new.depth > 32 then
        raise exception 'organization "%" would lie too deep', new.id
            using
                errcode = 'check_violation',
                detail = 'The most is 32 levels below the root.',
                schema = 'public',
                table = 'organizations',
                column = 'parent_id',
                constraint = 'chk_organization_depth';
    end if;
    return new;
end
$$;

-- Fires for path and depth as well: they follow from the parent, whatever is written.
create trigger trg_organization_place
before insert or update of id, parent_id, organization_path, depth
on public.organizations
for each row
execute function app_private.place_organization();

create function app_private.move_suborganizations()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    -- Each child finds its new place itself, and moves its own children in turn.
    update public.organizations as o
    set organization_path = null
    where o.parent_id = new.id;
    return null;
end
$$;

create trigger trg_organization_subtree
after update on public.organizations
for each row
when (old.organization_path is distinct from new.organization_path)
execute function app_private.move_suborganizations();

-- A version of the content is kept when it is replaced; changes of status, owner or
-- organization make none. The row is locked before this runs: no number is skipped
-- or used twice.
create function app_private.keep_content_version()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    changes text := pg_catalog.concat_ws(
        ', ',
        case when new.title <> old.title then 'title' end,
        case
            when new.description is distinct from old.description then 'description'
        end,
        case when new.content_data <> old.content_data then 'content_data' end,
        case when new.metadata <> old.metadata then 'metadata' end
    );
begin
    new.version := old.version;
    if changes = '' then
        return new;
    end if;
    insert into public.content_versions (
        content_item_id,
        version_number,
        title,
        description,
        content_data,
        metadata,
        change_summary,
        created_by
    )
    values (
        old.id,
        old.version,
        old.title,
        old.description,
        old.content_data,
        old.metadata,
        'Replaced: ' || changes || '.',
        coalesce(
            (select p.id from public.user_profiles as p where p.id = auth.uid()),
            old.created_by
        )
    );
    new.version := old.version + 1;
    return new;
end
$$;

comment on column public.content_versions.created_by is
    'Who replaced it; the item''s author where the request names nobody.';
comment on column public.content_versions.created_at is
    'When it was replaced.';
comment on column public.content_versions.change_summary is
    'The columns that the next version has changed.';

create trigger trg_content_version
before update of title, description, content_data, metadata, version
on public.content_items
for each row
execute function app_private.keep_content_version();

-- SECURITY INVOKER, because the rules for API requests differ from those for the
-- system: imports and repairs come with any status and date.
create function app_private.check_content_status()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
    is_request boolean := current_user in ('anon', 'authenticated');
    before public.content_status := 'draft'::public.content_status;
begin
    if tg_op = 'UPDATE' then
        before := old.status;
        -- Kept from here on: the first time it was published.
        new.published_at := old.published_at;
    elsif is_request then
        new.published_at := null;
        new.version := 1;
    end if;
    if new.status = 'published' and new.published_at is null then
        new.published_at := pg_catalog.now();
    end if;
    if new.status = before or (tg_op = 'INSERT' and not is_request) then
        return new;
    end if;
    if is_request and (select app_private.is_super_admin()) then
        return new;
    end if;
    if (tg_op = 'UPDATE' or new.status = 'archived')
        and pg_catalog.concat(before, ' to ', new.status) not in (
        'draft to review',
        'review to draft',
        'review to approved',
        'review to published',
        'approved to published',
        'approved to draft',
        'published to archived',
        'archived to draft'
    ) then
        raise exception 'content cannot go from % to %', before, new.status
            using
                errcode = 'check_violation',
                schema = 'public',
                table = 'content_items',
                column = 'status',
                constraint = 'chk_content_status_transition';
    end if;
    if is_request
        and new.status in ('approved', 'published')
        and not coalesce(
            app_private.has_permission(
                'content',
                'update',
                -- One's own content is in every scope one has, as for the policies.
                case
                    when new.created_by = app_private.current_user_id()
                        then 'department'
                    when new.organization_id is distinct from
                        app_private.current_user_org()
                        then 'all'
                    when new.created_by = any (
                        array(
                            select
                                app_private.permitted_colleagues('content', 'update')
                        )
                    )
                        then 'department'
                    else 'organization'
                end
            ),
            false
        )
    then
        raise exception 'permission denied to make content %', new.status
            using
                errcode = 'insufficient_privilege',
                hint = 'It takes permission content:update or content:manage.';
    end if;
    return new;
end
$$;

create trigger trg_content_status
before insert or update of status, published_at on public.content_items
for each row
execute function app_private.check_content_status();

create function app_private.check_conversation_agent()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    if exists (
        select 1
        from public.content_items as i
        join public.content_repositories as r on r.id = i.repository_id
        where i.id = new.ai_agent_id and r.content_type <> 'ai_agent'
    ) then
        raise exception 'content item "%" is no AI agent', new.ai_agent_id
            using
                errcode = 'check_violation',
                schema = 'public',
                table = 'conversations',
                column = 'ai_agent_id',
                constraint = 'chk_conversation_ai_agent';
    end if;
    return new;
end
$$;

create trigger trg_conversation_agent
before insert or update of ai_agent_id on public.conversations
for each row
when (new.ai_agent_id is not null)
execute function app_private.check_conversation_agent();

create function app_private.set_conversation_end()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if new.status not in ('completed', 'archived') then
        new.ended_at := null;
    elsif tg_op = 'UPDATE' and old.ended_at is not null then
        new.ended_at := old.ended_at;
    elsif new.ended_at is null then
        new.ended_at := pg_catalog.now();
    end if;
    return new;
end
$$;

create trigger trg_conversation_end
before insert or update of status, ended_at on public.conversations
for each row
execute function app_private.set_conversation_end();

-- Number and counters in one update of the conversation, whose row lock puts
-- concurrent messages in line.
create function app_private.count_message()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    wanted integer := new.sequence_number;
    number integer;
begin
    -- A message sent twice is not counted twice: what follows is an error, or
    -- nothing where the statement says ON CONFLICT DO NOTHING.
    if not exists (
        select 1
        from public.conversation_messages as m
        where m.id = new.id and m.created_date = new.created_date
    ) then
        update public.conversations as c
        set
            last_sequence = c.last_sequence + 1,
            message_count = c.message_count + 1,
            total_tokens = c.total_tokens + coalesce(new.tokens_used, 0),
            estimated_cost = c.estimated_cost + coalesce(new.cost_cents, 0) / 100.0,
            last_message_at = greatest(c.last_message_at, new.created_at)
        where c.id = new.conversation_id
        returning c.last_sequence into number;
    end if;
    if number is not null and wanted <> number then
        raise exception 'message has sequence number %, which is not the next', wanted
            using
                errcode = 'unique_violation',
                hint = 'Leave the number out.',
                schema = 'public',
                table = 'conversation_messages',
                column = 'sequence_number',
                constraint = 'conversation_messages_next_sequence';
    end if;
    -- Without a conversation the foreign key speaks; the number must not be null then.
    new.sequence_number := coalesce(number, wanted, 1);
    return new;
end
$$;

create trigger trg_message_count
before insert on public.conversation_messages
for each row
execute function app_private.count_message();

create function app_private.uncount_messages()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    -- When the conversation itself was deleted, its row is gone and nothing matches.
    -- A counter that was wrong before does not stop the deletion.
    update public.conversations as c
    set
        message_count = greatest(c.message_count - r.messages, 0),
        total_tokens = greatest(c.total_tokens - r.tokens, 0),
        estimated_cost = greatest(c.estimated_cost - r.cents / 100.0, 0)
    from (
        select
            d.conversation_id as conversation_id,
            pg_catalog.count(*) as messages,
            coalesce(pg_catalog.sum(d.tokens_used), 0) as tokens,
            coalesce(pg_catalog.sum(d.cost_cents), 0) as cents
        from deleted as d
        group by d.conversation_id
    ) as r
    where c.id = r.conversation_id;
    return null;
end
$$;

-- By statement, on the parent only: rows that are moved between partitions as tables
-- of their own stay counted.
create trigger trg_message_uncount
after delete on public.conversation_messages
referencing old table as deleted
for each statement
execute function app_private.uncount_messages();

create function app_private.recount_message()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    update public.conversations as c
    set
        total_tokens = c.total_tokens
            + coalesce(new.tokens_used, 0)
            - coalesce(old.tokens_used, 0),
        estimated_cost = c.estimated_cost
            + (coalesce(new.cost_cents, 0) - coalesce(old.cost_cents, 0)) / 100.0
    where c.id = new.conversation_id;
    return null;
end
$$;

-- An answer that is streamed learns its tokens and cost only at its end.
create trigger trg_message_recount
after update of tokens_used, cost_cents on public.conversation_messages
for each row
when (
    (old.tokens_used, old.cost_cents) is distinct from (new.tokens_used, new.cost_cents)
)
execute function app_private.recount_message();

create function app_private.refuse_message_move()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'a message keeps its conversation, number and date'
        using
            errcode = 'check_violation',
            schema = 'public',
            table = 'conversation_messages',
            constraint = 'chk_message_stays',
            hint = 'Delete it and insert another one.';
end
$$;

create trigger trg_message_stays
before update of conversation_id, sequence_number, created_date
on public.conversation_messages
for each row
when (
    (old.conversation_id, old.sequence_number, old.created_date)
    is distinct from (new.conversation_id, new.sequence_number, new.created_date)
)
execute function app_private.refuse_message_move();

-- In scope for an API request are the assigner's own organization with all below it;
-- for admins, and with content:manage for all, everything.
create function app_private.is_assigner_in_scope(
    assigner uuid, target_user uuid, target_organization uuid
)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
    select exists (
        select 1
        from public.user_profiles as a
        left join public.organizations as own on own.id = a.organization_id
        left join public.user_profiles as u on u.id = target_user
        left join public.organizations as target
            on target.id = coalesce(target_organization, u.organization_id)
        where
            a.id = assigner
            and a.is_active
            and (
                a.role in ('super_admin', 'admin')
                or pg_catalog.starts_with(
                    target.organization_path, own.organization_path
                )
                or exists (
                    select 1
                    from public.admin_permissions as p
                    where
                        p.user_id = a.id
                        and p.resource = 'content'
                        and p.action = 'manage'
                        and p.scope = 'all'
                        and (p.expires_at is null or p.expires_at > pg_catalog.now())
                )
            )
    )
$$;

-- The specification's name; only rules that foreign keys cannot express. Checked is
-- what makes an assignment effective: new ones, new targets, reactivation.
create function public.check_content_assignment_integrity()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- Here current_user is the owner; the setting keeps what the request has set.
    is_request boolean := pg_catalog.current_setting('role') in ('anon', 'authenticated')
        or session_user in ('anon', 'authenticated');
    content public.content_status;
    organization public.org_status;
    broken text;
    rule text;
begin
    if not new.is_active
        or (
            tg_op = 'UPDATE'
            and old.is_active
            and (old.content_item_id, old.organization_id, old.user_id)
            is not distinct from (new.content_item_id, new.organization_id, new.user_id)
        )
    then
        return new;
    end if;
    -- Locked, so that neither changes before this transaction ends. What does not
    -- exist is left to the foreign keys.
    select i.status
    into content
    from public.content_items as i
    where i.id = new.content_item_id
    for share;
    select o.status
    into organization
    from public.organizations as o
    where o.id = new.organization_id
    for share;
    if content = 'archived' then
        broken := pg_catalog.format('content item "%s" is archived', new.content_item_id);
        rule := 'chk_assignment_content_available';
    elsif organization in ('suspended', 'inactive') then
        broken := pg_catalog.format(
            'organization "%s" is %s', new.organization_id, organization
        );
        rule := 'chk_assignment_organization_active';
    elsif is_request and not app_private.is_assigner_in_scope(
        new.assigned_by, new.user_id, new.organization_id
    ) then
        broken := pg_catalog.format(
            'the target is out of scope for user "%s"', new.assigned_by
        );
        rule := 'chk_assignment_scope';
    else
        return new;
    end if;
    raise exception '%', broken
        using
            errcode = 'check_violation',
            schema = 'public',
            table = 'content_assignments',
            constraint = rule;
end
$$;

create trigger trg_content_assignment_integrity
before insert or update on public.content_assignments
for each row
execute function public.check_content_assignment_integrity();

-- What operators call; nobody else may.

-- Differences between the counters of conversations and their messages; none is the
-- rule. Dropping old partitions of messages leaves counters above what is there.
create function monitoring.reconcile_conversations()
returns table (
    conversation_id uuid,
    message_count integer,
    messages bigint,
    total_tokens integer,
    tokens bigint,
    estimated_cost numeric,
    cost numeric,
    last_sequence integer,
    highest_number integer
)
language sql
stable
set search_path = ''
as $$
    select
        c.id,
        c.message_count,
        coalesce(m.messages, 0),
        c.total_tokens,
        coalesce(m.tokens, 0),
        c.estimated_cost,
        coalesce(m.cents, 0) / 100.0,
        c.last_sequence,
        coalesce(m.highest, 0)
    from public.conversations as c
    left join (
        select
            r.conversation_id as conversation_id,
            pg_catalog.count(*) as messages,
            pg_catalog.sum(r.tokens_used) as tokens,
            pg_catalog.sum(r.cost_cents) as cents,
            pg_catalog.max(r.sequence_number) as highest
        from public.conversation_messages as r
        group by r.conversation_id
    ) as m on m.conversation_id = c.id
    where
        c.message_count <> coalesce(m.messages, 0)
        or c.total_tokens <> coalesce(m.tokens, 0)
        or c.estimated_cost <> coalesce(m.cents, 0) / 100.0
        or c.last_sequence < coalesce(m.highest, 0)
    order by c.id
$$;

-- Archives what has had no message since a day began (UTC), whatever its status;
-- returns how many. Messages stay where they are.
create function monitoring.archive_conversations(before date)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
    archived bigint;
begin
    update public.conversations as c
    set status = 'archived'
    where
        c.status <> 'archived'
        and c.last_message_at < before::timestamp at time zone 'UTC';
    get diagnostics archived = row_count;
    insert into monitoring.operations_log (event, details)
    values (
        'conversations_archived',
        pg_catalog.jsonb_build_object('before', before, 'conversations', archived)
    );
    return archived;
end
$$;

-- Marks assignments inactive whose time is over, returns how many. They have had no
-- effect since then; this frees their place for a new one.
create function monitoring.expire_assignments()
returns bigint
language plpgsql
set search_path = ''
as $$
declare
    expired bigint;
begin
    update public.content_assignments as a
    set is_active = false
    where a.is_active and a.expires_at <= pg_catalog.now();
    get diagnostics expired = row_count;
    return expired;
end
$$;

-- Figures for the monitoring, which may not read the tables: sums and counts without
-- any content, as one JSON value, so that a caller needs no type of ours.

-- What organizations store, beside what was agreed: the twenty that are nearest to
-- their limit, all others together. Counted are content items and their versions as
-- they are stored, after compression; not indexes, search vectors, conversations and
-- free space. Of tables with more than 10,000 pages only so many are measured, always
-- the same ones, and the sum is multiplied: an estimate, the better the more rows an
-- organization has. A GB has 1024^3 bytes, as everywhere in PostgreSQL.
create function monitoring.storage_figures()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
    most constant double precision := 10000 * 8192::double precision;
    of_items double precision := least(
        1, most / greatest(pg_catalog.pg_relation_size('public.content_items'), 1)
    );
    of_versions double precision := least(
        1, most / greatest(pg_catalog.pg_relation_size('public.content_versions'), 1)
    );
begin
    return (
        with stored as (
            select
                i.organization_id as organization_id,
                pg_catalog.sum(
                    pg_catalog.pg_column_size(i.title)
                    + coalesce(pg_catalog.pg_column_size(i.description), 0)
                    + pg_catalog.pg_column_size(i.content_data)
                    + pg_catalog.pg_column_size(i.metadata)
                ) / of_items as bytes
            from public.content_items as i
            tablesample system (100 * of_items) repeatable (0)
            group by i.organization_id
            union all
            select
                i.organization_id,
                pg_catalog.sum(
                    pg_catalog.pg_column_size(v.title)
                    + coalesce(pg_catalog.pg_column_size(v.description), 0)
                    + pg_catalog.pg_column_size(v.content_data)
                    + pg_catalog.pg_column_size(v.metadata)
                ) / of_versions
            from public.content_versions as v
            tablesample system (100 * of_versions) repeatable (0)
            join public.content_items as i
                on i.id = v.content_item_id
            group by i.organization_id
        ),

        used as (
            select
                o.name as name,
                o.storage_limit_gb::bigint * 1073741824 as limit_bytes,
                coalesce(pg_catalog.sum(s.bytes), 0) as used_bytes
            from public.organizations as o
            left join stored as s
                on s.organization_id = o.id
            group by o.id
        ),

        ranked as (
            select
                u.limit_bytes as limit_bytes,
                u.used_bytes as used_bytes,
                case
                    when pg_catalog.row_number() over (
                        order by
                            u.used_bytes / nullif(u.limit_bytes, 0) desc nulls last,
                            u.used_bytes desc,
                            u.name
                    ) <= 20
                        then u.name
                end as name
            from used as u
        )

        select
            pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'organization',
                    coalesce(pg_catalog.left(f.name, 200), '(others)'),
                    'storage_limit_bytes',
                    f.limit_bytes,
                    'storage_used_bytes',
                    f.used_bytes
                )
            )
        from (
            select
                r.name as name,
                pg_catalog.round(pg_catalog.sum(r.used_bytes)) as used_bytes,
                -- Without a limit for one of them there is none for all together.
                case
                    when pg_catalog.bool_and(r.limit_bytes is not null)
                        then pg_catalog.sum(r.limit_bytes)
                end as limit_bytes
            from ranked as r
            group by r.name
        ) as f
    );
end
$$;

comment on function monitoring.storage_figures() is
    'Storage of organizations beside its limit, estimated for large tables.';

-- Answers of agents within the last 24 hours. created_date is at most a day off.
create function monitoring.answer_figures()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select
        pg_catalog.jsonb_build_object(
            'messages',
            pg_catalog.count(*),
            'processing_p95_seconds',
            pg_catalog.percentile_cont(0.95) within group (
                order by m.processing_time_ms
            ) / 1000,
            'tokens',
            coalesce(pg_catalog.sum(m.tokens_used), 0),
            'cost',
            coalesce(pg_catalog.sum(m.cost_cents), 0) / 100.0
        )
    from public.conversation_messages as m
    where
        m.role = 'assistant'
        and m.created_date
        between (pg_catalog.now() at time zone 'UTC')::date - 2
        and (pg_catalog.now() at time zone 'UTC')::date + 1
        and m.created_at > pg_catalog.now() - interval '24 hours'
$$;

comment on function monitoring.answer_figures() is
    'Number, duration, tokens and cost of the answers of the last 24 hours.';

-- Assignments that have ended and are still marked active.
create function monitoring.assignment_figures()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select
        pg_catalog.jsonb_build_object(
            'expired',
            pg_catalog.count(*),
            'longest_seconds',
            coalesce(
                pg_catalog.date_part(
                    'epoch', pg_catalog.now() - pg_catalog.min(a.expires_at)
                ),
                0
            )
        )
    from public.content_assignments as a
    where a.is_active and a.expires_at <= pg_catalog.now()
$$;

comment on function monitoring.assignment_figures() is
    'How many assignments have ended and are still marked active.';

-- What reconcile_conversations() reports, of conversations begun within a week only:
-- their messages are all in the last weeks' partitions, which none drops.
create function monitoring.conversation_figures()
returns jsonb
language sql
stable
security definer
set search_path = ''
as $$
    select
        pg_catalog.jsonb_build_object(
            'conversations',
            pg_catalog.count(*),
            'drifting',
            pg_catalog.count(*) filter (
                where
                    c.message_count <> coalesce(m.messages, 0)
                    or c.total_tokens <> coalesce(m.tokens, 0)
                    or c.estimated_cost <> coalesce(m.cents, 0) / 100.0
                    or c.last_sequence < coalesce(m.highest, 0)
            )
        )
    from public.conversations as c
    left join (
        select
            r.conversation_id as conversation_id,
            pg_catalog.count(*) as messages,
            pg_catalog.sum(r.tokens_used) as tokens,
            pg_catalog.sum(r.cost_cents) as cents,
            pg_catalog.max(r.sequence_number) as highest
        from public.conversation_messages as r
        where r.created_date >= (pg_catalog.now() at time zone 'UTC')::date - 9
        group by r.conversation_id
    ) as m on m.conversation_id = c.id
    where c.started_at > pg_catalog.now() - interval '7 days'
$$;

comment on function monitoring.conversation_figures() is
    'How many of the conversations begun within a week have counters that drift.';

-- Roles that are made later get it from what print-grants prints.
do $$
declare
    figures text;
    grantee text;
begin
    foreach figures in array array[
        'storage_figures',
        'answer_figures',
        'assignment_figures',
        'conversation_figures'
    ] loop
        execute pg_catalog.format(
            'revoke execute on function monitoring.%I() from public', figures
        );
        for grantee in
            select r.rolname
            from pg_catalog.pg_roles as r
            where
                r.rolname in ('pgvigil_reader', 'pgvigil_maintainer', 'pgvigil_ddl')
        loop
            execute pg_catalog.format(
                'grant execute on function monitoring.%I() to %I', figures, grantee
            );
        end loop;
    end loop;
end
$$;

-- Permissions that have ended; nothing heeds them, and nothing deletes them either.
create function monitoring.expired_permissions()
returns setof public.admin_permissions
language sql
stable
set search_path = ''
as $$
    select
        p.id,
        p.user_id,
        p.resource,
        p.action,
        p.scope,
        p.granted_by,
        p.expires_at,
        p.created_at
    from public.admin_permissions as p
    where p.expires_at <= pg_catalog.now()
    order by p.expires_at, p.id
$$;

-- Hands over what would keep an account from being deleted; returns the rows changed
-- by table.
create function monitoring.reassign_user_content(from_user uuid, to_user uuid)
returns table (relation text, changed bigint)
language plpgsql
set search_path = ''
as $$
declare
    items bigint;
    versions bigint;
    assignments bigint;
    missing uuid := (
        select w.id
        from pg_catalog.unnest(array[from_user, to_user]) as w (id)
        where not exists (select 1 from auth.users as u where u.id = w.id)
        limit 1
    );
begin
    if from_user is null or to_user is null or from_user = to_user then
        raise exception 'cannot hand over content of "%" to "%"', from_user, to_user
            using
                errcode = 'invalid_parameter_value',
                hint = 'Name two different users.';
    elsif missing is not null then
        raise exception 'user "%" does not exist', missing
            using errcode = 'no_data_found';
    end if;
    update public.content_items as i
    set created_by = to_user
    where i.created_by = from_user;
    get diagnostics items = row_count;
    update public.content_versions as v
    set created_by = to_user
    where v.created_by = from_user;
    get diagnostics versions = row_count;
    update public.content_assignments as a
    set assigned_by = to_user
    where a.assigned_by = from_user;
    get diagnostics assignments = row_count;
    insert into monitoring.operations_log (event, actor_id, details)
    values (
        'user_content_reassigned',
        auth.uid(),
        pg_catalog.jsonb_build_object(
            'from',
            from_user,
            'to',
            to_user,
            'content_items',
            items,
            'content_versions',
            versions,
            'content_assignments',
            assignments
        )
    );
    return query
    values
        ('public.content_items', items),
        ('public.content_versions', versions),
        ('public.content_assignments', assignments);
end
$$;

-- Migrations by SQL, for operators who have no shell. The files of pgvigil are
-- numbered by three digits and belong to its runner; these carry timestamps.

-- The same text as the runner compares: no byte order mark, no trailing blanks, one
-- newline at the end. The blanks are those of Python's str.rstrip.
create function app_private.migration_checksum(script text)
returns text
language sql
immutable
set search_path = ''
as $$
    select pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.convert_to(
                pg_catalog.btrim(
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(script, '^\ufeff', ''),
                        '[\t\u000b-\r\u001c-\u0020\u0085\u00a0\u1680'
                        '\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+(?=\n|\Z)',
                        '',
                        'g'
                    ),
                    E'\n'
                )
                || E'\n',
                'UTF8'
            )
        ),
        'hex'
    )
$$;

create function app_private.begin_migration(version text)
returns void
language plpgsql
set search_path = ''
as $$
declare
    interrupted text;
begin
    if version !~ '^[0-9]{14}$' or version is null then
        raise exception 'cannot use migration version "%"', version
            using
                errcode = 'invalid_parameter_value',
                detail = 'Versions of three digits belong to files; '
                    'those of SQL are timestamps of 14 digits.',
                hint = 'Use YYYYMMDDHHMMSS here, and pgvigil platform for files.';
    end if;
    -- The lock of pgvigil's runner ("pgvg", "platform"). Not waited for: a statement
    -- that waits holds a snapshot, for which the other's CREATE INDEX CONCURRENTLY
    -- would wait in turn.
    if not pg_catalog.pg_try_advisory_xact_lock(1885828711, 961728715) then
        raise exception 'another runner is changing this schema'
            using
                errcode = 'lock_not_available',
                hint = 'Wait for it to end and try again.';
    end if;
    select m.version
    into interrupted
    from public.schema_migrations as m
    where m.duration_ms is null;
    if found then
        raise exception 'migration % was interrupted', interrupted
            using
                errcode = 'object_not_in_prerequisite_state',
                hint = 'Run pgvigil platform install again; it repairs it.';
    end if;
end
$$;

create function app_private.refuse_cascade(version text, script text)
returns void
language plpgsql
immutable
set search_path = ''
as $$
begin
    if script ~* '\mcascade\M' then
        raise exception 'rollback script of migration % says CASCADE', version
            using
                errcode = 'feature_not_supported',
                hint = 'It may drop what it does not name: name everything.';
    end if;
end
$$;

create function app_private.note_migration(step text, version text, digest text)
returns void
language sql
set search_path = ''
as $$
    insert into public.schema_migrations_log (version, step, checksum)
    values (version, step, digest);
    insert into monitoring.operations_log (event, details)
    values (
        'migration_' || step,
        pg_catalog.jsonb_build_object('version', version, 'checksum', digest)
    );
$$;

create function public.apply_migration(
    p_version text, p_name text, p_sql text, p_rollback_sql text default null
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    digest text := app_private.migration_checksum(p_sql);
    applied text;
    newest text;
    started timestamptz := pg_catalog.clock_timestamp();
begin
    perform app_private.begin_migration(p_version);
    select m.checksum
    into applied
    from public.schema_migrations as m
    where m.version = p_version;
    if found then
        if applied is distinct from digest then
            raise exception 'migration % was applied with other SQL', p_version
                using
                    errcode = 'object_not_in_prerequisite_state',
                    detail = pg_catalog.format(
                        'Applied %s, now %s.', applied, digest
                    ),
                    hint = 'Put the change into a new migration.';
        end if;
        raise notice 'Migration % already applied', p_version;
        return false;
    end if;
    select m.version
    into newest
    from public.schema_migrations as m
    order by m.version::bigint desc
    limit 1;
    if newest::bigint > p_version::bigint then
        raise exception 'migration % is older than applied %', p_version, newest
            using
                errcode = 'object_not_in_prerequisite_state',
                hint = 'Give it a newer timestamp.';
    end if;
    perform app_private.refuse_cascade(p_version, p_rollback_sql);
    execute p_sql;
    insert into public.schema_migrations (
        version, name, rollback_sql, checksum, duration_ms, kind, server_version
    )
    values (
        p_version,
        p_name,
        p_rollback_sql,
        digest,
        pg_catalog.date_part(
            'epoch', pg_catalog.clock_timestamp() - started
        ) * 1000,
        'transactional',
        pg_catalog.current_setting('server_version_num')::integer
    );
    perform app_private.note_migration('up', p_version, digest);
    raise notice 'Applied migration %: %', p_version, p_name;
    return true;
end
$$;

comment on function public.apply_migration(text, text, text, text) is
    'Runs SQL once, in this transaction and with an empty search_path, and records it.';

create function public.rollback_migration(p_version text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
    script text;
    digest text;
    dependents bigint;
begin
    perform app_private.begin_migration(p_version);
    select
        m.rollback_sql,
        m.checksum
    into script, digest
    from public.schema_migrations as m
    where m.version = p_version;
    if not found then
        raise exception 'Migration % not found', p_version
            using errcode = 'no_data_found';
    end if;
    select pg_catalog.count(*)
    into dependents
    from public.schema_migrations as m
    where m.version::bigint > p_version::bigint;
    if dependents > 0 then
        raise exception 'Cannot rollback migration % - % dependent migrations exist',
            p_version, dependents
            using
                errcode = 'object_not_in_prerequisite_state',
                hint = 'Take the newest one back first.';
    elsif script is null then
        raise exception 'No rollback script available for migration %', p_version
            using
                errcode = 'object_not_in_prerequisite_state',
                hint = 'Write a new migration that mends what this one did.';
    end if;
    perform app_private.refuse_cascade(p_version, script);
    execute script;
    delete from public.schema_migrations as m
    where m.version = p_version;
    perform app_private.note_migration('down', p_version, digest);
    raise notice 'Rolled back migration %', p_version;
    return true;
end
$$;

comment on function public.rollback_migration(text) is
    'Takes the newest migration by SQL back; those from files are pgvigil''s.';

-- Platforms grant EXECUTE on what is created in public to their API roles by name.
revoke execute on function
    public.check_content_assignment_integrity(),
    public.apply_migration(text, text, text, text),
    public.rollback_migration(text)
from public, anon, authenticated, service_role;

revoke execute on all functions in schema app_private from public;

revoke execute on function
    monitoring.reconcile_conversations(),
    monitoring.archive_conversations(date),
    monitoring.expire_assignments(),
    monitoring.expired_permissions(),
    monitoring.reassign_user_content(uuid, uuid)
from public;

-- Partitions by month. The default one takes what no other does, so that a missing
-- partition never fails a write; it is meant to stay empty.

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

revoke execute on function app_private.close_partition(text) from public;

comment on function app_private.close_partition(text) is
    'Keeps API roles out of a partition: rows are reached through the parent only.';

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

revoke execute on function app_private.create_default_partition(regclass) from public;

create function app_private.partition_name(parent regclass, month date)
returns text
language sql
stable
set search_path = ''
as $$
    select c.relname || pg_catalog.to_char(month, '_YYYY_MM')
    from pg_catalog.pg_class as c
    where c.oid = parent
$$;

revoke execute on function app_private.partition_name(regclass, date) from public;

create function app_private.default_partition(parent regclass)
returns regclass
language sql
stable
set search_path = ''
as $$
    select nullif(p.partdefid, 0)::pg_catalog.regclass
    from pg_catalog.pg_partitioned_table as p
    where p.partrelid = parent
$$;

revoke execute on function app_private.default_partition(regclass) from public;

create function app_private.partition_key(parent regclass)
returns text
language sql
stable
set search_path = ''
as $$
    select a.attname::text
    from pg_catalog.pg_partitioned_table as p
    inner join pg_catalog.pg_attribute as a
        on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
    where p.partrelid = parent
$$;

revoke execute on function app_private.partition_key(regclass) from public;

-- A try that does not get its locks in time gives back those it has. It waits for
-- half of deadlock_timeout at most: where an application's transaction and we wait
-- for each other, it is we who give up.
create function app_private.execute_patiently(statements text[])
returns void
language plpgsql
set search_path = ''
as $$
declare
    most interval := pg_catalog.current_setting('deadlock_timeout')::interval / 2;
    allowed interval := pg_catalog.current_setting('lock_timeout')::interval;
    statement text;
begin
    if allowed = interval '0' or allowed > most then
        perform pg_catalog.set_config(
            'lock_timeout',
            greatest(extract(epoch from most) * 1000, 1)::integer::text,
            true
        );
    end if;
    for attempt in 1..20 loop
        begin
            foreach statement in array statements loop
                execute statement;
            end loop;
            return;
        exception
            when lock_not_available or deadlock_detected then
                -- Who waits for a row that we moved holds locks that we wait for.
                if attempt = 20 or exists (
                    select 1
                    from pg_catalog.pg_locks as l
                    where
                        l.locktype = 'transactionid'
                        and not l.granted
                        and l.transactionid
                        = pg_catalog.pg_current_xact_id()::pg_catalog.xid
                ) then
                    raise;
                end if;
        end;
        perform pg_catalog.pg_sleep(0.05 + pg_catalog.random() * 0.2);
    end loop;
end
$$;

revoke execute on function app_private.execute_patiently(text[]) from public;

comment on function app_private.execute_patiently(text[]) is
    'Runs statements together, again and again until they get their locks in time.';

-- Attaching takes over the equal indexes that are there, and does not read the rows
-- where a CHECK says what the bound will. Triggers come with attaching.
create function app_private.prepare_partition(parent regclass, since date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    child text := app_private.partition_name(parent, since);
    found regclass := pg_catalog.to_regclass(
        pg_catalog.format('app_partitions.%I', child)
    );
    has_rows boolean;
begin
    if found is not null then
        if exists (
            select 1 from pg_catalog.pg_inherits as i where i.inhrelid = found
        ) then
            raise exception 'partition "%" exists already', child
                using errcode = 'duplicate_table';
        end if;
        execute pg_catalog.format('select exists (select 1 from %s)', found)
        into has_rows;
        if has_rows then
            raise exception 'table "%" is not attached and holds rows', child
                using
                    errcode = 'object_not_in_prerequisite_state',
                    hint = 'Attach or rename it first.';
        end if;
        -- An interruption left it behind.
        execute pg_catalog.format('drop table %s', found);
    end if;
    execute pg_catalog.format(
        'create table app_partitions.%I (like %s including all excluding identity)',
        child,
        parent
    );
    execute pg_catalog.format(
        'alter table app_partitions.%1$I add constraint partition_bound '
        'check (%2$I >= %3$L and %2$I < %4$L)',
        child,
        app_private.partition_key(parent),
        since,
        (since + interval '1 month')::date
    );
    perform app_private.close_partition(child);
end
$$;

revoke execute on function app_private.prepare_partition(regclass, date) from public;

-- Rows that somebody works on are left for the next time. Readers see a row in the
-- one partition or in the other, for all of this is one transaction.
create function app_private.move_rows(parent regclass, since date)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
    moved bigint;
begin
    execute (
        select
            pg_catalog.format(
                'with chosen as ('
                'select d.ctid as place from only %1$s as d '
                'where d.%2$I >= %3$L and d.%2$I < %4$L for update skip locked'
                '), moved as ('
                'delete from only %1$s as d '
                'using chosen as c where d.ctid = c.place '
                'returning d.*'
                ') insert into app_partitions.%5$I (%6$s) '
                'select %6$s from moved as m',
                app_private.default_partition(parent),
                app_private.partition_key(parent),
                since,
                (since + interval '1 month')::date,
                app_private.partition_name(parent, since),
                pg_catalog.string_agg(
                    pg_catalog.quote_ident(a.attname), ', ' order by a.attnum
                )
            )
        from pg_catalog.pg_attribute as a
        where
            a.attrelid = parent
            and a.attnum > 0
            and not a.attisdropped
            and a.attgenerated = ''
    );
    get diagnostics moved = row_count;
    return moved;
end
$$;

revoke execute on function app_private.move_rows(regclass, date) from public;

-- Attaching locks the default partition and what foreign keys reference. The table
-- is locked before, against writers only: an insert that had chosen the default
-- partition and waited for it would fail once the partition is there. What came
-- since the last round is moved under these locks.
create function app_private.attach_partition(parent regclass, since date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    child text := app_private.partition_name(parent, since);
    rest regclass := app_private.default_partition(parent);
begin
    perform app_private.execute_patiently(
        array[
            pg_catalog.format(
                'lock table only %s in share row exclusive mode', parent
            ),
            pg_catalog.format('lock table only %s in access exclusive mode', rest),
            pg_catalog.format('select app_private.move_rows(%L, %L)', parent, since),
            pg_catalog.format(
                'alter table %s attach partition app_partitions.%I '
                'for values from (%L) to (%L)',
                parent,
                child,
                since,
                (since + interval '1 month')::date
            ),
            pg_catalog.format(
                'alter table app_partitions.%I drop constraint partition_bound', child
            )
        ]
    );
end
$$;

revoke execute on function app_private.attach_partition(regclass, date) from public;

create function app_private.create_partition(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    since date := pg_catalog.date_trunc('month', month)::date;
begin
    perform app_private.prepare_partition(parent, since);
    -- What guard_audit_logs() asks for, before it lets the owner move rows.
    perform pg_catalog.set_config(
        'pgvigil.audit_maintenance', pg_catalog.pg_current_xact_id()::text, true
    );
    -- Each round takes less time, so that less came meanwhile.
    for round in 1..5 loop
        exit when app_private.move_rows(parent, since) < 1000;
    end loop;
    perform app_private.attach_partition(parent, since);
    perform pg_catalog.set_config('pgvigil.audit_maintenance', '', true);
end
$$;

revoke execute on function app_private.create_partition(regclass, date) from public;

comment on function app_private.create_partition(regclass, date) is
    'Creates the partition of a month, and moves its rows out of the default one. '
    'All or nothing: who reads sees each row once. Inserts wait only while the '
    'last rows are moved and it is attached; whoever changes a row that was moved '
    'waits, and makes this give up.';

-- Which months wait in the default partition.
create function app_private.default_months(parent regclass, since date, until date)
returns setof date
language plpgsql
stable
set search_path = ''
as $$
begin
    return query execute pg_catalog.format(
        'select distinct pg_catalog.date_trunc(''month'', d.%1$I)::date as month '
        'from only %2$s as d '
        'where d.%1$I >= %3$L and d.%1$I < %4$L '
        'order by month',
        app_private.partition_key(parent),
        app_private.default_partition(parent),
        since,
        until
    );
end
$$;

revoke execute on function app_private.default_months(regclass, date, date)
from public;

-- No fixed search_path: a procedure that has one cannot commit. It needs none, for
-- all it does is to call functions that have one.
create procedure app_private.move_default_rows(
    parent regclass,
    since date,
    until date
)
language plpgsql
as $$
declare
    months date[];
    month date;
begin
    select pg_catalog.array_agg(m.month)
    into months
    from app_private.default_months(parent, since, until) as m (month);
    foreach month in array coalesce(months, '{}') loop
        perform app_private.create_partition(parent, month);
        commit;
    end loop;
end
$$;

revoke execute on procedure app_private.move_default_rows(regclass, date, date)
from public;

comment on procedure app_private.move_default_rows(regclass, date, date) is
    'Moves what the default partition holds of some months into partitions of their '
    'own, a transaction each. Rows of other times, which are likely mistakes, stay.';

create function app_private.remove_empty_partition(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    child text := app_private.partition_name(parent, month);
    has_rows boolean;
begin
    perform app_private.execute_patiently(
        array[
            pg_catalog.format(
                'alter table %s detach partition app_partitions.%I', parent, child
            )
        ]
    );
    execute pg_catalog.format(
        'select exists (select 1 from app_partitions.%I)', child
    )
    into has_rows;
    if has_rows then
        raise exception 'partition "%" holds rows', child
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    execute pg_catalog.format('drop table app_partitions.%I', child);
end
$$;

revoke execute on function app_private.remove_empty_partition(regclass, date)
from public;

comment on function app_private.remove_empty_partition(regclass, date) is
    'Takes create_partition() back, unless the partition holds rows by now.';

create function app_private.detach_partition(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- Not CONCURRENTLY, which a table with a default partition does not allow.
    perform app_private.execute_patiently(
        array[
            pg_catalog.format(
                'alter table %s detach partition app_partitions.%I',
                parent,
                app_private.partition_name(parent, month)
            )
        ]
    );
end
$$;

revoke execute on function app_private.detach_partition(regclass, date) from public;

comment on function app_private.detach_partition(regclass, date) is
    'Takes a month out of a table; its rows stay in what was the partition.';

create function app_private.attach_detached(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    since date := pg_catalog.date_trunc('month', month)::date;
begin
    perform app_private.execute_patiently(
        array[
            pg_catalog.format(
                'lock table only %s in share row exclusive mode', parent
            ),
            pg_catalog.format(
                'alter table %s attach partition app_partitions.%I '
                'for values from (%L) to (%L)',
                parent,
                app_private.partition_name(parent, since),
                since,
                (since + interval '1 month')::date
            )
        ]
    );
end
$$;

revoke execute on function app_private.attach_detached(regclass, date) from public;

comment on function app_private.attach_detached(regclass, date) is
    'Takes detach_partition() back; reads the rows to check the bound.';

create function app_private.drop_detached(parent regclass, month date)
returns void
language plpgsql
set search_path = ''
as $$
declare
    child text := app_private.partition_name(parent, month);
begin
    if exists (
        select 1
        from pg_catalog.pg_inherits as i
        where
            i.inhrelid
            = pg_catalog.to_regclass(pg_catalog.format('app_partitions.%I', child))
    ) then
        raise exception 'partition "%" is attached', child
            using
                errcode = 'object_not_in_prerequisite_state',
                hint = 'Detach it first.';
    end if;
    perform app_private.execute_patiently(
        array[pg_catalog.format('drop table app_partitions.%I', child)]
    );
end
$$;

revoke execute on function app_private.drop_detached(regclass, date) from public;

comment on function app_private.drop_detached(regclass, date) is
    'Drops what was the partition of a month; refuses one that is attached.';

select app_private.create_default_partition('public.conversation_messages');
select
    app_private.create_partition('public.conversation_messages', m.month::date)
from
    pg_catalog.generate_series(
        pg_catalog.date_trunc('month', now() at time zone 'UTC') - interval '1 month',
        pg_catalog.date_trunc('month', now() at time zone 'UTC') + interval '3 months',
        interval '1 month'
    ) as m (month);
