-- Migration: 003_create_performance_indexes
-- Description: every index that only serves speed; those that keep a rule are
-- constraints of 001, where the partitioned messages have all of theirs. One statement
-- each, outside a transaction, so that writers are never held up and an interrupted
-- build is repaired by the next run.
-- no-transaction

-- organizations

create index concurrently idx_orgs_parent
on public.organizations (parent_id);

create index concurrently idx_orgs_status
on public.organizations (status);

-- With this operator class a prefix LIKE, all descendants, works in any collation.
create index concurrently idx_orgs_path
on public.organizations (organization_path text_pattern_ops);

-- user_profiles

create index concurrently idx_user_profiles_role
on public.user_profiles (role);

-- Who was deactivated, newest last; almost all others are active.
create index concurrently idx_user_profiles_active
on public.user_profiles (updated_at)
where not is_active;

create index concurrently idx_user_profiles_rls_admin
on public.user_profiles (id)
where role in ('super_admin', 'admin');

-- The helpers behind every policy look a caller up without visiting the table.
create index concurrently idx_user_profiles_auth_lookup
on public.user_profiles (id) include (role, organization_id, is_active);

create index concurrently idx_user_profiles_email_active
on public.user_profiles (lower(email))
where is_active;

create index concurrently idx_user_profiles_org_role
on public.user_profiles (organization_id, role, is_active);

-- admin_permissions

create index concurrently idx_admin_perms_resource
on public.admin_permissions (resource, action);

create index concurrently idx_admin_perms_granted_by
on public.admin_permissions (granted_by);

-- content_repositories

create index concurrently idx_content_repos_type
on public.content_repositories (content_type);

create index concurrently idx_content_repos_active
on public.content_repositories (is_active);

-- content_items

create index concurrently idx_content_items_repo
on public.content_items (repository_id);

create index concurrently idx_content_items_status
on public.content_items (status);

create index concurrently idx_content_items_search
on public.content_items using gin (search_vector);

create index concurrently idx_content_items_published_at
on public.content_items (published_at)
where published_at is not null;

create index concurrently idx_content_items_published
on public.content_items (repository_id, status, published_at desc)
where status = 'published';

create index concurrently idx_content_items_rls_composite
on public.content_items (organization_id, created_by, status, published_at);

create index concurrently idx_content_items_creator_date
on public.content_items (created_by, created_at desc);

create index concurrently idx_content_analytics
on public.content_items (organization_id, created_at, status, repository_id);

-- public.list_content() reads a page in this order; the id makes it total.
create index concurrently idx_content_items_org_updated
on public.content_items (organization_id, status, updated_at desc, id desc);

-- content_versions

create index concurrently idx_content_versions_creator
on public.content_versions (created_by);

-- content_assignments

create index concurrently idx_assignments_user
on public.content_assignments (user_id);

-- What an organization is assigned now, as the policies ask for it.
create index concurrently idx_assignments_active
on public.content_assignments (organization_id, expires_at)
where is_active;

create index concurrently idx_assignments_expires
on public.content_assignments (expires_at)
where expires_at is not null;

create index concurrently idx_content_assignments_rls
on public.content_assignments (content_item_id, user_id, is_active, expires_at);

create index concurrently idx_assignments_active_lookup
on public.content_assignments (user_id, is_active, expires_at)
where is_active;

create index concurrently idx_assignment_analytics
on public.content_assignments (organization_id, created_at, is_active);

create index concurrently idx_assignments_assigned_by
on public.content_assignments (assigned_by);

-- conversations

create index concurrently idx_conversations_agent
on public.conversations (ai_agent_id);

create index concurrently idx_conversations_status
on public.conversations (status);

create index concurrently idx_conversations_user_status
on public.conversations (user_id, status, last_message_at desc);

create index concurrently idx_conversations_user_recent
on public.conversations (user_id, last_message_at desc)
where status = 'active';

create index concurrently idx_conversations_analytics
on public.conversations (created_date, status, ai_agent_id, total_tokens);

-- An index that was there before under one of these names is not built again; it must
-- be the same. Those of conversation_messages are from 001.
do $$
declare
    others text;
begin
    select pg_catalog.string_agg(w.name, ', ' order by w.name)
    into others
    from (
            values
                ('idx_orgs_parent', 'btree (parent_id)'),
                ('idx_orgs_status', 'btree (status)'),
                ('idx_orgs_path', 'btree (organization_path text_pattern_ops)'),
                ('idx_user_profiles_role', 'btree (role)'),
                (
                    'idx_user_profiles_active',
                    'btree (updated_at) WHERE (NOT is_active)'
                ),
                (
                    'idx_user_profiles_rls_admin',
                    'btree (id)'
                    ' WHERE (role = ANY ('
                    'ARRAY[''super_admin''::user_role, ''admin''::user_role]))'
                ),
                (
                    'idx_user_profiles_auth_lookup',
                    'btree (id) INCLUDE (role, organization_id, is_active)'
                ),
                (
                    'idx_user_profiles_email_active',
                    'btree (lower(email)) WHERE is_active'
                ),
                (
                    'idx_user_profiles_org_role',
                    'btree (organization_id, role, is_active)'
                ),
                ('idx_admin_perms_resource', 'btree (resource, action)'),
                ('idx_admin_perms_granted_by', 'btree (granted_by)'),
                ('idx_content_repos_type', 'btree (content_type)'),
                ('idx_content_repos_active', 'btree (is_active)'),
                ('idx_content_items_repo', 'btree (repository_id)'),
                ('idx_content_items_status', 'btree (status)'),
                ('idx_content_items_search', 'gin (search_vector)'),
                (
                    'idx_content_items_published_at',
                    'btree (published_at) WHERE (published_at IS NOT NULL)'
                ),
                (
                    'idx_content_items_published',
                    'btree (repository_id, status, published_at DESC)'
                    ' WHERE (status = ''published''::content_status)'
                ),
                (
                    'idx_content_items_rls_composite',
                    'btree (organization_id, created_by, status, published_at)'
                ),
                (
                    'idx_content_items_creator_date',
                    'btree (created_by, created_at DESC)'
                ),
                (
                    'idx_content_analytics',
                    'btree (organization_id, created_at, status, repository_id)'
                ),
                (
                    'idx_content_items_org_updated',
                    'btree (organization_id, status, updated_at DESC, id DESC)'
                ),
                ('idx_content_versions_creator', 'btree (created_by)'),
                ('idx_assignments_user', 'btree (user_id)'),
                (
                    'idx_assignments_active',
                    'btree (organization_id, expires_at) WHERE is_active'
                ),
                (
                    'idx_assignments_expires',
                    'btree (expires_at) WHERE (expires_at IS NOT NULL)'
                ),
                (
                    'idx_content_assignments_rls',
                    'btree (content_item_id, user_id, is_active, expires_at)'
                ),
                (
                    'idx_assignments_active_lookup',
                    'btree (user_id, is_active, expires_at) WHERE is_active'
                ),
                (
                    'idx_assignment_analytics',
                    'btree (organization_id, created_at, is_active)'
                ),
                ('idx_assignments_assigned_by', 'btree (assigned_by)'),
                ('idx_conversations_agent', 'btree (ai_agent_id)'),
                ('idx_conversations_status', 'btree (status)'),
                (
                    'idx_conversations_user_status',
                    'btree (user_id, status, last_message_at DESC)'
                ),
                (
                    'idx_conversations_user_recent',
                    'btree (user_id, last_message_at DESC)'
                    ' WHERE (status = ''active''::conversation_status)'
                ),
                (
                    'idx_conversations_analytics',
                    'btree (created_date, status, ai_agent_id, total_tokens)'
                ),
                ('idx_conv_messages_role', 'btree (role)'),
                ('idx_conv_messages_date', 'btree (created_date)'),
                ('idx_conv_messages_rls', 'btree (conversation_id, created_at DESC)'),
                (
                    'idx_user_activity',
                    'btree (created_date, role) WHERE (role = ''user''::message_role)'
                )
        ) as w (name, definition)
    left join pg_catalog.pg_index as i
        on i.indexrelid = pg_catalog.to_regclass('public.' || w.name)
    cross join lateral (
        select pg_catalog.pg_get_indexdef(i.indexrelid) as text
    ) as d
    where
        -- The schema of types is left out where the search path has it.
        pg_catalog.replace(
            pg_catalog.substr(d.text, pg_catalog.strpos(d.text, ' USING ') + 7),
            'public.',
            ''
        ) is distinct from w.definition;
    if others is not null then
        raise exception 'there are indexes of these names with another definition: %',
            others
            using
                errcode = 'duplicate_object',
                hint = 'Rename or drop them and run the migration again.';
    end if;
end
$$;

-- How a large partitioned table gets an index without holding up its writers:
--   create index name on only public.conversation_messages (...);
--   select s.statement from monitoring.partition_index_steps('public.name') as s
--   \gexec
-- The first makes an invalid index of the parent alone. The steps build its part on
-- each partition and attach it; with the last one the parent's index is valid. When
-- they are interrupted, the same two lines go on where they stopped.
create or replace function monitoring.partition_index_steps(parent_index regclass)
returns table (step integer, statement text)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
    parent oid;
    parent_index_name text;
    is_unique boolean;
    beginning text;
    definition text;
begin
    select
        i.indrelid as indrelid,
        c.relname::text as relname,
        i.indisunique as indisunique,
        pg_catalog.format(
            'CREATE %sINDEX %I ON ONLY %s USING ',
            case when i.indisunique then 'UNIQUE ' else '' end,
            c.relname,
            i.indrelid::regclass
        ) as start_of_definition,
        pg_catalog.pg_get_indexdef(i.indexrelid) as definition
    into parent, parent_index_name, is_unique, beginning, definition
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    where i.indexrelid = parent_index and c.relkind = 'I';
    if not found then
        raise exception '"%" is not an index of a partitioned table', parent_index
            using errcode = 'wrong_object_type';
    end if;
    if not pg_catalog.starts_with(definition, beginning) then
        raise exception 'could not read the definition of index "%"', parent_index
            using detail = definition;
    end if;

    return query
    with leaves as (
        select
            c.oid as oid,
            n.nspname as schemaname,
            -- A name has 63 bytes: the oid keeps those apart that are cut off.
            (
                pg_catalog.left(c.relname, 20) || '_' || c.oid::text
                || '_' || pg_catalog.left(parent_index_name, 20)
            )::name as index_name
        from pg_catalog.pg_inherits as h
        join pg_catalog.pg_class as c on c.oid = h.inhrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where
            h.inhparent = parent
            and not exists (
                select
                from pg_catalog.pg_inherits as attached
                join pg_catalog.pg_index as i on i.indexrelid = attached.inhrelid
                where attached.inhparent = parent_index and i.indrelid = c.oid
            )
    ),
    found as (
        select
            l.*,
            (
                select i.indisvalid
                from pg_catalog.pg_index as i
                join pg_catalog.pg_class as c on c.oid = i.indexrelid
                where i.indrelid = l.oid and c.relname = l.index_name
            ) as is_valid
        from leaves as l
    )
    select
        pg_catalog.row_number() over (order by f.oid, s.place)::integer,
        s.command
    from found as f
    cross join lateral (
        values
            (
                1,
                not f.is_valid,
                pg_catalog.format(
                    'drop index concurrently %I.%I', f.schemaname, f.index_name
                )
            ),
            (
                2,
                f.is_valid is not true,
                pg_catalog.format(
                    'create %sindex concurrently %I on %s using %s',
                    case when is_unique then 'unique ' else '' end,
                    f.index_name,
                    f.oid::regclass,
                    pg_catalog.substr(definition, pg_catalog.length(beginning) + 1)
                )
            ),
            (
                3,
                true,
                pg_catalog.format(
                    'alter index %s attach partition %I.%I',
                    parent_index,
                    f.schemaname,
                    f.index_name
                )
            )
    ) as s (place, is_due, command)
    where s.is_due
    order by 1;
end
$$;

comment on function monitoring.partition_index_steps(regclass) is
    'Statements, to be run one by one outside a transaction, that complete an index '
    'made with ON ONLY on a partitioned table.';

revoke execute on function monitoring.partition_index_steps(regclass) from public;
