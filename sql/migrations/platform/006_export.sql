-- Migration: 006_export
-- Description: everything of one organization as JSON, for moving it or for answering a
-- request for its data. export_organization_data() returns one document; what is too
-- large for that is streamed by "pgvigil platform export org" from the same views.

-- One view for each section, one row a JSON object, with the caller's own rights. Views
-- rather than functions: they are inlined, so that a stream starts at once and an index
-- on organization_id is used.

create view app_private.exported_users
with (security_invoker = true)
as
select
    p.organization_id as organization_id,
    p.id as id,
    pg_catalog.to_jsonb(p) as document
from public.user_profiles as p;

create view app_private.exported_permissions
with (security_invoker = true)
as
select
    p.organization_id as organization_id,
    a.id as id,
    pg_catalog.to_jsonb(a) as document
from public.admin_permissions as a
join public.user_profiles as p
    on p.id = a.user_id;

create view app_private.exported_repositories
with (security_invoker = true)
as
select
    u.organization_id as organization_id,
    r.id as id,
    pg_catalog.to_jsonb(r) as document
from (
    select distinct
        i.organization_id as organization_id,
        i.repository_id as repository_id
    from public.content_items as i
) as u
join public.content_repositories as r
    on r.id = u.repository_id;

comment on view app_private.exported_repositories is
    'The repositories that hold content of the organization.';

-- Columns one by one: turning search_vector, which can be computed again, into JSON only
-- to take it out doubles the time.
create view app_private.exported_content
with (security_invoker = true)
as
select
    i.organization_id as organization_id,
    i.id as id,
    pg_catalog.to_jsonb(x) as document
from public.content_items as i
cross join lateral (
    select
        i.id as id,
        i.repository_id as repository_id,
        i.title as title,
        i.description as description,
        i.content_data as content_data,
        i.metadata as metadata,
        i.status as status,
        i.version as version,
        i.created_by as created_by,
        i.organization_id as organization_id,
        i.created_at as created_at,
        i.updated_at as updated_at,
        i.published_at as published_at
) as x;

create view app_private.exported_versions
with (security_invoker = true)
as
select
    i.organization_id as organization_id,
    v.id as id,
    pg_catalog.to_jsonb(v) as document
from public.content_versions as v
join public.content_items as i
    on i.id = v.content_item_id;

create view app_private.exported_assignments
with (security_invoker = true)
as
select
    f.organization_id as organization_id,
    a.id as id,
    pg_catalog.to_jsonb(a) as document
from (
    select
        i.organization_id as organization_id,
        a.id as id
    from public.content_assignments as a
    join public.content_items as i
        on i.id = a.content_item_id
    union
    select
        a.organization_id as organization_id,
        a.id as id
    from public.content_assignments as a
    union
    select
        p.organization_id as organization_id,
        a.id as id
    from public.content_assignments as a
    join public.user_profiles as p
        on p.id = a.user_id
) as f
join public.content_assignments as a
    on a.id = f.id;

comment on view app_private.exported_assignments is
    'Assignments of the organization''s content, and those to it or one of its users.';

create view app_private.exported_conversations
with (security_invoker = true)
as
select
    p.organization_id as organization_id,
    c.id as id,
    c.started_at as started_at,
    pg_catalog.to_jsonb(c) as document
from public.conversations as c
join public.user_profiles as p
    on p.id = c.user_id;

create view app_private.exported_messages
with (security_invoker = true)
as
select
    p.organization_id as organization_id,
    c.id as conversation_id,
    c.started_at as started_at,
    m.sequence_number as sequence_number,
    pg_catalog.to_jsonb(m) as document
from public.conversation_messages as m
join public.conversations as c
    on c.id = m.conversation_id
join public.user_profiles as p
    on p.id = c.user_id;

revoke all on
    app_private.exported_users,
    app_private.exported_permissions,
    app_private.exported_repositories,
    app_private.exported_content,
    app_private.exported_versions,
    app_private.exported_assignments,
    app_private.exported_conversations,
    app_private.exported_messages
from public, anon, authenticated, service_role;

grant select on
    app_private.exported_users,
    app_private.exported_permissions,
    app_private.exported_repositories,
    app_private.exported_content,
    app_private.exported_versions,
    app_private.exported_assignments,
    app_private.exported_conversations,
    app_private.exported_messages
to authenticated, service_role;

-- An export that policies filter would look whole without being so: besides super
-- admins, to whom they show everything, only roles above the policies may export.
create function app_private.may_export(caller name)
returns boolean
language sql
stable
set search_path = ''
as $$
    select case
        when caller in ('anon', 'authenticated')
            then caller = 'authenticated' and app_private.is_super_admin()
        else exists (
            select 1
            from pg_catalog.pg_roles as r
            join pg_catalog.pg_class as c
                on c.oid = 'public.user_profiles'::regclass
            where
                r.rolname = caller
                and (
                    r.rolsuper
                    or r.rolbypassrls
                    or pg_catalog.pg_has_role(r.oid, c.relowner, 'usage')
                )
        )
    end
$$;

comment on function app_private.may_export(name) is
    'Says whether a role, in the present request, sees all of an organization.';

-- With its owner's rights, because nobody else may write the log. Who calls is what SET
-- ROLE chose, which nobody can set to a role that he is not a member of.
create function app_private.log_export(org_id uuid, p_event text, p_details jsonb)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
    caller name := coalesce(
        nullif(pg_catalog.current_setting('role'), 'none'), session_user::text
    )::name;
begin
    if not app_private.may_export(caller) then
        raise exception 'role "%" may not export an organization', caller
            using errcode = 'insufficient_privilege';
    end if;
    if p_event not in ('organization_export_started', 'organization_exported') then
        raise exception '"%" is no event of an export', p_event
            using errcode = 'invalid_parameter_value';
    end if;
    insert into monitoring.operations_log (event, actor, actor_id, details)
    values (
        p_event,
        caller,
        auth.uid(),
        p_details || pg_catalog.jsonb_build_object('organization_id', org_id)
    );
end
$$;

comment on function app_private.log_export(uuid, text, jsonb) is
    'Notes in monitoring.operations_log that an export began or was handed out.';

create function app_private.export_size(org_id uuid, since timestamptz)
returns bigint
language sql
stable
set search_path = ''
as $$
    select pg_catalog.sum(pg_catalog.pg_column_size(d.document))::bigint
    from (
        select e.document as document
        from app_private.exported_users as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_permissions as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_repositories as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_content as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_versions as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_assignments as e
        where e.organization_id = org_id
        union all
        select e.document as document
        from app_private.exported_conversations as e
        where
            e.organization_id = org_id
            and e.started_at > since
        union all
        select e.document as document
        from app_private.exported_messages as e
        where
            e.organization_id = org_id
            and e.started_at > since
    ) as d
$$;

comment on function app_private.export_size(uuid, timestamptz) is
    'Returns how many bytes the rows of an export would have in memory.';

create function public.export_organization_data(
    org_id uuid, p_conversation_days integer default 90
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
    -- The server stops building a document at 256 MB.
    size_limit constant bigint := 209715200::bigint;
    since timestamptz := coalesce(
        pg_catalog.now() - pg_catalog.make_interval(days => p_conversation_days),
        '-infinity'::timestamptz
    );
    size_bytes bigint;
    result jsonb;
begin
    if not app_private.may_export(current_user) then
        raise exception 'role "%" may not export an organization', current_user
            using
                errcode = 'insufficient_privilege',
                hint = 'A super admin, the service role or the owner may.';
    end if;
    if p_conversation_days < 0 then
        raise exception 'p_conversation_days must not be negative'
            using errcode = 'invalid_parameter_value';
    end if;
    perform
    from public.organizations as o
    where o.id = org_id;
    if not found then
        raise exception 'there is no organization %', coalesce(org_id::text, 'NULL')
            using errcode = 'no_data_found';
    end if;
    size_bytes := app_private.export_size(org_id, since);
    if size_bytes > size_limit then
        raise exception 'organization % is too large for one document', org_id
            using
                errcode = 'configuration_limit_exceeded',
                detail = pg_catalog.format(
                    'Its rows have %s MB, the limit is %s MB.',
                    size_bytes / 1048576,
                    size_limit / 1048576
                ),
                hint = pg_catalog.format(
                    'Run "pgvigil platform export org %s", which has no limit.', org_id
                );
    end if;
    perform app_private.log_export(
        org_id,
        'organization_exported',
        pg_catalog.jsonb_build_object(
            'via', 'export_organization_data',
            'conversation_days', p_conversation_days,
            'size_bytes', size_bytes
        )
    );
    -- One statement, and so one snapshot for all sections.
    select
        pg_catalog.to_jsonb(o)
        || pg_catalog.jsonb_build_object(
            'users',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_users as e
                where e.organization_id = o.id
            ),
            'permissions',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_permissions as e
                where e.organization_id = o.id
            ),
            'repositories',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_repositories as e
                where e.organization_id = o.id
            ),
            'content',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_content as e
                where e.organization_id = o.id
            ),
            'versions',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_versions as e
                where e.organization_id = o.id
            ),
            'assignments',
            (
                select coalesce(pg_catalog.jsonb_agg(e.document order by e.id), '[]')
                from app_private.exported_assignments as e
                where e.organization_id = o.id
            ),
            'conversations',
            (
                select
                    coalesce(
                        pg_catalog.jsonb_agg(
                            e.document
                            || pg_catalog.jsonb_build_object('messages', m.documents)
                            order by e.started_at, e.id
                        ),
                        '[]'
                    )
                from app_private.exported_conversations as e
                cross join lateral (
                    select
                        coalesce(
                            pg_catalog.jsonb_agg(
                                s.document order by s.sequence_number
                            ),
                            '[]'
                        ) as documents
                    from app_private.exported_messages as s
                    where s.conversation_id = e.id
                ) as m
                where
                    e.organization_id = o.id
                    and e.started_at > since
            )
        )
    into result
    from public.organizations as o
    where o.id = org_id;
    return result;
end
$$;

comment on function public.export_organization_data(uuid, integer) is
    'Returns an organization with its users, permissions, repositories, content, '
    'versions, assignments, and the conversations (with messages) begun in the last '
    'p_conversation_days days; null means all. For super admins and the service role.';

revoke execute on function
    app_private.may_export(name),
    app_private.log_export(uuid, text, jsonb),
    app_private.export_size(uuid, timestamptz),
    public.export_organization_data(uuid, integer)
from public, anon, authenticated, service_role;

grant execute on function
    app_private.may_export(name),
    app_private.log_export(uuid, text, jsonb),
    app_private.export_size(uuid, timestamptz),
    public.export_organization_data(uuid, integer)
to authenticated, service_role;
