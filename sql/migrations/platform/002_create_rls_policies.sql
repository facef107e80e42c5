-- Migration: 002_create_rls_policies
-- Description: who may see and change which row. Row level security on every table of
-- the application, one permissive policy a table and command, guards for what policies
-- cannot tell (changes of single columns), and the privileges under them.
--
-- How a policy is written: whatever does not depend on the row is in a sub-select, so
-- that it is evaluated once a statement; whoever sees everything does so through a
-- range over all ids, because "or is_super_admin()" would keep every other user's
-- statements from using an index.

-- Helpers read what their caller may not see. They run as their owner, who therefore
-- has to be above the policies: otherwise a policy on user_profiles would call itself.
do $$
begin
    if exists (
        select 1
        from pg_catalog.pg_class as c
        cross join pg_catalog.pg_roles as r
        where
            r.rolname = current_user
            and not r.rolsuper
            and not r.rolbypassrls
            and c.oid in (
                'public.organizations'::regclass,
                'public.user_profiles'::regclass,
                'public.admin_permissions'::regclass,
                'public.content_items'::regclass,
                'public.content_assignments'::regclass
            )
            and (
                c.relforcerowsecurity
                or not pg_catalog.pg_has_role(current_user, c.relowner, 'usage')
            )
    ) then
        raise exception
            'role "%" is subject to the policies it is about to create', current_user
            using
                errcode = 'insufficient_privilege',
                hint = 'Install as the owner of the tables, without FORCE ROW LEVEL '
                    'SECURITY, or as a role with BYPASSRLS.';
    end if;
end
$$;

-- Who is asking. All of these know active profiles only.

create function app_private.current_user_id()
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
    select p.id
    from public.user_profiles as p
    where
        p.id = (select auth.uid())
        and p.is_active
$$;

comment on function app_private.current_user_id() is
    'Returns who is asking; null for nobody and for a deactivated user.';

create function app_private.current_user_role()
returns public.user_role
language sql
stable
security definer
set search_path = ''
as $$
    select p.role
    from public.user_profiles as p
    where
        p.id = (select auth.uid())
        and p.is_active
$$;

comment on function app_private.current_user_role() is
    'Returns the role of who is asking; null for nobody and for a deactivated user.';

create function app_private.current_user_org()
returns uuid
language sql
stable
security definer
set search_path = ''
as $$
    select o.id
    from public.user_profiles as p
    join public.organizations as o
        on o.id = p.organization_id
    where
        p.id = (select auth.uid())
        and p.is_active
        and o.status in ('active', 'trial')
$$;

comment on function app_private.current_user_org() is
    'Returns the organization of who is asking; null while it is suspended or inactive.';

create function app_private.is_admin()
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce(app_private.current_user_role() in ('admin', 'super_admin'), false)
$$;

comment on function app_private.is_admin() is
    'Says whether an active admin or super admin is asking.';

create function app_private.is_super_admin()
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
    select coalesce(app_private.current_user_role() = 'super_admin', false)
$$;

comment on function app_private.is_super_admin() is
    'Says whether an active super admin is asking.';

create function app_private.has_permission(resource text, action text, scope text)
returns boolean
language sql
stable
security definer
set search_path = ''
as $$
    select exists (
        select 1
        from public.user_profiles as u
        where
            u.id = (select auth.uid())
            and u.is_active
            and (
                u.role = 'super_admin'
                or exists (
                    select 1
                    from public.admin_permissions as p
                    left join public.organizations as o
                        on
                            o.id = u.organization_id
                            and o.status in ('active', 'trial')
                    where
                        p.user_id = u.id
                        and p.resource = has_permission.resource
                        and p.action in (has_permission.action, 'manage')
                        and (p.expires_at is null or p.expires_at > now())
                        and (
                            p.scope = 'all'
                            or (
                                p.scope = 'organization'
                                and has_permission.scope in ('organization', 'department')
                                and o.id is not null
                            )
                            or (
                                p.scope = 'department'
                                and has_permission.scope = 'department'
                                and o.id is not null
                                and u.department is not null
                            )
                        )
                )
            )
    )
$$;

comment on function app_private.has_permission(text, text, text) is
    'Says whether who is asking holds a permission for a scope: "all", or the own '
    '"organization" or "department". Action "manage" stands for every action, a wider '
    'scope for a narrower one; without an organization only "all" counts.';

-- What is in reach. Each is a set or a bound that a policy compares an indexed column
-- with.

create function app_private.lowest_id(everything boolean, own uuid default null)
returns uuid
language sql
immutable
set search_path = ''
as $$
    select case
        when everything then '00000000-0000-0000-0000-000000000000'::uuid
        else own
    end
$$;

comment on function app_private.lowest_id(boolean, uuid) is
    'Returns the lower end of a range over ids: all of them, the own one, or none.';

create function app_private.highest_id(everything boolean, own uuid default null)
returns uuid
language sql
immutable
set search_path = ''
as $$
    select case
        when everything then 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
        else own
    end
$$;

comment on function app_private.highest_id(boolean, uuid) is
    'Returns the upper end of a range over ids: all of them, the own one, or none.';

create function app_private.lowest_visible_user()
returns uuid
language sql
stable
set search_path = ''
as $$
    select app_private.lowest_id(
        app_private.is_super_admin(), app_private.current_user_id()
    )
$$;

comment on function app_private.lowest_visible_user() is
    'Returns the first user whose private rows may be seen: oneself, or anyone.';

create function app_private.highest_visible_user()
returns uuid
language sql
stable
set search_path = ''
as $$
    select app_private.highest_id(
        app_private.is_super_admin(), app_private.current_user_id()
    )
$$;

comment on function app_private.highest_visible_user() is
    'Returns the last user whose private rows may be seen: oneself, or anyone.';

create function app_private.permitted_organization(resource text, action text)
returns uuid
language sql
stable
set search_path = ''
as $$
    select app_private.current_user_org()
    where app_private.has_permission(resource, action, 'organization')
$$;

comment on function app_private.permitted_organization(text, text) is
    'Returns the own organization if a permission reaches all of it, else null.';

create function app_private.permitted_colleagues(resource text, action text)
returns setof uuid
language sql
stable
security definer
rows 20
set search_path = ''
as $$
    select c.id
    from public.user_profiles as u
    join public.user_profiles as c
        on
            c.organization_id = u.organization_id
            and c.department = u.department
    where
        u.id = (select app_private.current_user_id())
        and u.organization_id = (select app_private.current_user_org())
        and (
            select app_private.has_permission(
                permitted_colleagues.resource, permitted_colleagues.action, 'department'
            )
        )
$$;

comment on function app_private.permitted_colleagues(text, text) is
    'Returns who is in the own department, if a permission reaches it.';

create function app_private.visible_organizations()
returns setof uuid
language sql
stable
security definer
rows 5
set search_path = ''
as $$
    with recursive below as (
        select app_private.current_user_org() as id
        -- UNION, not UNION ALL: a cycle must not hang a statement.
        union
        select o.id as id
        from below as b
        join public.organizations as o
            on o.parent_id = b.id
        where (select app_private.current_user_role()) = 'manager'
    )
    select b.id
    from below as b
    where b.id is not null
$$;

comment on function app_private.visible_organizations() is
    'Returns the own organization and, for a manager, all below it.';

create function app_private.assigned_content_ids(
    least_access public.access_level default 'read'
)
returns setof uuid
language sql
stable
security definer
rows 50
set search_path = ''
as $$
    select a.content_item_id
    from public.content_assignments as a
    where
        a.user_id = (select app_private.current_user_id())
        and a.access_level >= assigned_content_ids.least_access
        and a.is_active
        and (a.starts_at is null or a.starts_at <= now())
        and (a.expires_at is null or a.expires_at > now())
    union
    select a.content_item_id
    from public.content_assignments as a
    where
        a.organization_id = (select app_private.current_user_org())
        and a.access_level >= assigned_content_ids.least_access
        and a.is_active
        and (a.starts_at is null or a.starts_at <= now())
        and (a.expires_at is null or a.expires_at > now())
$$;

comment on function app_private.assigned_content_ids(public.access_level) is
    'Returns the content assigned at this moment to who is asking or to the own '
    'organization, with at least this access.';

create function app_private.created_content_ids()
returns setof uuid
language sql
stable
security definer
rows 50
set search_path = ''
as $$
    select i.id
    from public.content_items as i
    where i.created_by = (select app_private.current_user_id())
$$;

comment on function app_private.created_content_ids() is
    'Returns the content that who is asking has created.';

create function app_private.managed_content_ids()
returns setof uuid
language sql
stable
security definer
rows 500
set search_path = ''
as $$
    select i.id
    from public.content_items as i
    where
        i.organization_id
        = (select app_private.permitted_organization('content', 'manage'))
    union
    select i.id
    from public.content_items as i
    where
        i.organization_id = (select app_private.current_user_org())
        and i.created_by
        = any (array(select app_private.permitted_colleagues('content', 'manage')))
$$;

comment on function app_private.managed_content_ids() is
    'Returns the content of the own organization or department that who is asking may '
    'assign to others by permission content:manage.';

-- Tables.

alter table public.organizations enable row level security;
alter table public.user_profiles enable row level security;
alter table public.admin_permissions enable row level security;
alter table public.content_repositories enable row level security;
alter table public.content_items enable row level security;
alter table public.content_versions enable row level security;
alter table public.content_assignments enable row level security;
alter table public.conversations enable row level security;
alter table public.conversation_messages enable row level security;

-- The runner's own tables and the partitions. They get no policy: nobody but their
-- owner has any business there.
do $$
declare
    closed regclass;
begin
    for closed in
        select c.oid::regclass
        from pg_catalog.pg_class as c
        where
            c.oid in (
                pg_catalog.to_regclass('public.schema_migrations'),
                pg_catalog.to_regclass('public.schema_migrations_log')
            )
            or (
                c.relnamespace = 'app_partitions'::regnamespace
                and c.relkind in ('r', 'p')
            )
    loop
        execute pg_catalog.format('alter table %s enable row level security', closed);
        execute pg_catalog.format(
            'revoke all on table %s from public, anon, authenticated, service_role',
            closed
        );
    end loop;
end
$$;

-- Organizations.

create policy organizations_select on public.organizations
for select
to authenticated
using (
    id = any (array(select app_private.visible_organizations()))
    or id between
    (select app_private.lowest_id(app_private.has_permission('system', 'read', 'all')))
    and (
        select
            app_private.highest_id(app_private.has_permission('system', 'read', 'all'))
    )
);

comment on policy organizations_select on public.organizations is
    'The own one; a manager also those below it; system:read or manage for all sees '
    'all, since whoever may write must see.';

create policy organizations_insert on public.organizations
for insert
to authenticated
with check (
    (
        select
            app_private.is_admin()
            and app_private.has_permission('system', 'manage', 'all')
    )
);

comment on policy organizations_insert on public.organizations is
    'Super admins, and admins with system:manage for all: a new organization is in no '
    'narrower scope.';

create policy organizations_update on public.organizations
for update
to authenticated
using (
    id = (
        select app_private.permitted_organization('system', 'manage')
        where app_private.is_admin()
    )
    or id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                and app_private.has_permission('system', 'manage', 'all')
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                and app_private.has_permission('system', 'manage', 'all')
            )
    )
);

comment on policy organizations_update on public.organizations is
    'Super admins, and admins with system:manage in scope. A permission alone is not '
    'enough.';

create policy organizations_delete on public.organizations
for delete
to authenticated
using (
    id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                and app_private.has_permission('system', 'manage', 'all')
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                and app_private.has_permission('system', 'manage', 'all')
            )
    )
);

comment on policy organizations_delete on public.organizations is
    'Super admins, and admins with system:manage for all: nobody deletes their own.';

-- Profiles.

create policy user_profiles_select on public.user_profiles
for select
to authenticated
using (
    id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                or app_private.has_permission('users', 'read', 'all'),
                app_private.current_user_id()
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                or app_private.has_permission('users', 'read', 'all'),
                app_private.current_user_id()
            )
    )
    or organization_id = (select app_private.permitted_organization('users', 'read'))
    or id = any (array(select app_private.permitted_colleagues('users', 'read')))
);

comment on policy user_profiles_select on public.user_profiles is
    'The own one; all for admins; permission users:read in its scope.';

create policy user_profiles_insert on public.user_profiles
for insert
to authenticated
with check (
    (select app_private.is_super_admin())
    or (
        role <> 'super_admin'
        and (select app_private.is_admin())
    )
    or (
        role = 'user'
        and (
            (select app_private.has_permission('users', 'create', 'all'))
            or organization_id
            = (select app_private.permitted_organization('users', 'create'))
        )
    )
);

comment on policy user_profiles_insert on public.user_profiles is
    'Admins, though no super admin; permission users:create in its scope creates plain '
    'users. A new user is in no department yet, so that scope does not reach.';

create policy user_profiles_update on public.user_profiles
for update
to authenticated
using (
    id between
    (select app_private.lowest_visible_user())
    and (select app_private.highest_visible_user())
    or (
        role <> 'super_admin'
        and id between
        (select app_private.lowest_id(app_private.is_admin()))
        and (select app_private.highest_id(app_private.is_admin()))
    )
    or (
        role not in ('admin', 'super_admin')
        and (
            id between
            (
                select
                    app_private.lowest_id(
                        app_private.has_permission('users', 'update', 'all')
                    )
            )
            and (
                select
                    app_private.highest_id(
                        app_private.has_permission('users', 'update', 'all')
                    )
            )
            or organization_id
            = (select app_private.permitted_organization('users', 'update'))
            or id
            = any (array(select app_private.permitted_colleagues('users', 'update')))
        )
    )
);

comment on policy user_profiles_update on public.user_profiles is
    'The own one; all but super admins for admins; permission users:update in its scope '
    'for profiles below admin. Which columns: see trigger a_guard.';

create policy user_profiles_delete on public.user_profiles
for delete
to authenticated
using (
    id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
    or (
        role <> 'super_admin'
        and id between
        (select app_private.lowest_id(app_private.is_admin()))
        and (select app_private.highest_id(app_private.is_admin()))
    )
    or (
        role not in ('admin', 'super_admin')
        and (
            id between
            (
                select
                    app_private.lowest_id(
                        app_private.has_permission('users', 'delete', 'all')
                    )
            )
            and (
                select
                    app_private.highest_id(
                        app_private.has_permission('users', 'delete', 'all')
                    )
            )
            or organization_id
            = (select app_private.permitted_organization('users', 'delete'))
            or id
            = any (array(select app_private.permitted_colleagues('users', 'delete')))
        )
    )
);

comment on policy user_profiles_delete on public.user_profiles is
    'All but super admins for admins; permission users:delete in its scope for profiles '
    'below admin. Nobody else, not even the own one.';

-- Permissions.

create policy admin_permissions_select on public.admin_permissions
for select
to authenticated
using (
    user_id between
    (select app_private.lowest_visible_user())
    and (select app_private.highest_visible_user())
);

comment on policy admin_permissions_select on public.admin_permissions is
    'The own ones; all for super admins.';

create policy admin_permissions_insert on public.admin_permissions
for insert
to authenticated
with check (
    (select app_private.is_super_admin())
    and user_id <> (select app_private.current_user_id())
);

comment on policy admin_permissions_insert on public.admin_permissions is
    'Super admins, to others only.';

create policy admin_permissions_update on public.admin_permissions
for update
to authenticated
using (
    user_id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
    and user_id <> (select app_private.current_user_id())
);

comment on policy admin_permissions_update on public.admin_permissions is
    'Super admins, of others only: a permission cannot be moved to oneself either.';

create policy admin_permissions_delete on public.admin_permissions
for delete
to authenticated
using (
    user_id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
);

comment on policy admin_permissions_delete on public.admin_permissions is
    'Super admins; also their own, which gives nothing.';

-- Repositories.

create policy content_repositories_select on public.content_repositories
for select
to authenticated
using (
    is_active and (select app_private.current_user_id()) is not null
    or id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
);

comment on policy content_repositories_select on public.content_repositories is
    'Active ones for every active user; all for super admins.';

create policy content_repositories_insert on public.content_repositories
for insert
to authenticated
with check ((select app_private.is_super_admin()));

comment on policy content_repositories_insert on public.content_repositories is
    'Super admins.';

create policy content_repositories_update on public.content_repositories
for update
to authenticated
using (
    id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
);

comment on policy content_repositories_update on public.content_repositories is
    'Super admins.';

create policy content_repositories_delete on public.content_repositories
for delete
to authenticated
using (
    id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
);

comment on policy content_repositories_delete on public.content_repositories is
    'Super admins.';

-- Content.

create policy content_items_select on public.content_items
for select
to authenticated
using (
    created_by between
    (
        select
            app_private.lowest_id(
                app_private.has_permission('content', 'read', 'all'),
                app_private.current_user_id()
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.has_permission('content', 'read', 'all'),
                app_private.current_user_id()
            )
    )
    or (
        organization_id = (select app_private.current_user_org())
        and (
            status = 'published'
            or (select app_private.has_permission('content', 'read', 'organization'))
            or created_by
            = any (array(select app_private.permitted_colleagues('content', 'read')))
        )
    )
    or id = any (array(select app_private.assigned_content_ids()))
);

comment on policy content_items_select on public.content_items is
    'The own; what the own organization has published; in any status with permission '
    'content:read in its scope; what is assigned now to the user or the organization. '
    'Scope "department" is content of the own organization by the own department.';

create policy content_items_insert on public.content_items
for insert
to authenticated
with check (
    (select app_private.is_super_admin())
    or (
        created_by = (select app_private.current_user_id())
        and organization_id is not distinct from (select app_private.current_user_org())
        and version = 1
        and (
            (select app_private.current_user_role())
            in ('content_creator', 'manager', 'admin')
            or (select app_private.has_permission('content', 'create', 'department'))
        )
        and (
            status in ('draft', 'review')
            or (select app_private.has_permission('content', 'update', 'department'))
        )
    )
);

comment on policy content_items_insert on public.content_items is
    'In one''s own name and organization (or none, as personal content) by creators, '
    'managers, admins and permission content:create; beyond review only with '
    'content:update. One''s own content is in every scope one has. Super admins: any.';

create policy content_items_update on public.content_items
for update
to authenticated
using (
    created_by between
    (
        select
            app_private.lowest_id(app_private.has_permission('content', 'update', 'all'))
    )
    and (
        select
            app_private.highest_id(
                app_private.has_permission('content', 'update', 'all')
            )
    )
    or (
        created_by = (select app_private.current_user_id())
        and status in ('draft', 'review')
    )
    or (
        organization_id = (select app_private.current_user_org())
        and (
            (select app_private.has_permission('content', 'update', 'organization'))
            or created_by
            = any (array(select app_private.permitted_colleagues('content', 'update')))
        )
    )
    or id = any (array(select app_private.assigned_content_ids('edit')))
);

comment on policy content_items_update on public.content_items is
    'The own while draft or in review; permission content:update in its scope; what is '
    'assigned now with access edit or manage. Only what is visible: content:update '
    'without content:read does not reach drafts. Which columns: see trigger a_guard.';

create policy content_items_delete on public.content_items
for delete
to authenticated
using (
    created_by between
    (
        select
            app_private.lowest_id(app_private.has_permission('content', 'delete', 'all'))
    )
    and (
        select
            app_private.highest_id(
                app_private.has_permission('content', 'delete', 'all')
            )
    )
    or (
        created_by = (select app_private.current_user_id())
        and status = 'draft'
    )
    or (
        organization_id = (select app_private.current_user_org())
        and (
            (select app_private.has_permission('content', 'delete', 'organization'))
            or created_by
            = any (array(select app_private.permitted_colleagues('content', 'delete')))
        )
    )
);

comment on policy content_items_delete on public.content_items is
    'The own while draft; permission content:delete in its scope. An assignment never '
    'gives it.';

-- Versions: written by a trigger only.

create policy content_versions_select on public.content_versions
for select
to authenticated
using (
    exists (
        select 1
        from public.content_items as i
        where i.id = content_versions.content_item_id
    )
);

comment on policy content_versions_select on public.content_versions is
    'Those of visible content: the sub-select is subject to its policy. Looked up row '
    'by row, as versions are read of one item at a time.';

-- Assignments.

create policy content_assignments_select on public.content_assignments
for select
to authenticated
using (
    user_id = (select app_private.current_user_id())
    or organization_id = (select app_private.current_user_org())
    or assigned_by = (select app_private.current_user_id())
    or content_item_id = any (array(select app_private.created_content_ids()))
    or content_item_id = any (array(select app_private.managed_content_ids()))
    or content_item_id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
);

comment on policy content_assignments_select on public.content_assignments is
    'Who is assigned (also before and after the period), members of the assigned '
    'organization, who assigned, the content''s creator, whoever may write it.';

create policy content_assignments_insert on public.content_assignments
for insert
to authenticated
with check (
    assigned_by = (select app_private.current_user_id())
    and (
        (
            select
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
        )
        or content_item_id = any (array(select app_private.managed_content_ids()))
    )
);

comment on policy content_assignments_insert on public.content_assignments is
    'Admins and permission content:manage in its scope, measured on the content; always '
    'in one''s own name, super admins too: the column tells who did it.';

create policy content_assignments_update on public.content_assignments
for update
to authenticated
using (
    content_item_id = any (array(select app_private.managed_content_ids()))
    or content_item_id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
);

comment on policy content_assignments_update on public.content_assignments is
    'Admins and permission content:manage in its scope. assigned_by: see trigger '
    'a_guard.';

create policy content_assignments_delete on public.content_assignments
for delete
to authenticated
using (
    content_item_id = any (array(select app_private.managed_content_ids()))
    or content_item_id between
    (
        select
            app_private.lowest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
    and (
        select
            app_private.highest_id(
                app_private.is_admin()
                or app_private.has_permission('content', 'manage', 'all')
            )
    )
);

comment on policy content_assignments_delete on public.content_assignments is
    'Admins and permission content:manage in its scope.';

-- Conversations: private. A super admin reads them and cannot change them.

create policy conversations_select on public.conversations
for select
to authenticated
using (
    user_id between
    (select app_private.lowest_visible_user())
    and (select app_private.highest_visible_user())
);

comment on policy conversations_select on public.conversations is
    'The own ones; all for super admins.';

create policy conversations_insert on public.conversations
for insert
to authenticated
with check (
    user_id = (select app_private.current_user_id())
    and message_count = 0
    and total_tokens = 0
    and estimated_cost = 0
    and last_sequence = 0
);

comment on policy conversations_insert on public.conversations is
    'In one''s own name, with nothing counted yet.';

create policy conversations_update on public.conversations
for update
to authenticated
using (user_id = (select app_private.current_user_id()));

comment on policy conversations_update on public.conversations is
    'The own ones. Which columns: see trigger a_guard.';

create policy conversations_delete on public.conversations
for delete
to authenticated
using (user_id = (select app_private.current_user_id()));

comment on policy conversations_delete on public.conversations is
    'The own ones: everyone may have their conversations erased.';

create policy conversation_messages_select on public.conversation_messages
for select
to authenticated
using (
    conversation_id = any (
        array(
            select c.id
            from public.conversations as c
            where c.user_id = (select app_private.current_user_id())
        )
    )
    or conversation_id between
    (select app_private.lowest_id(app_private.is_super_admin()))
    and (select app_private.highest_id(app_private.is_super_admin()))
);

comment on policy conversation_messages_select on public.conversation_messages is
    'Those of the own conversations; all for super admins. No policy for update and '
    'delete: what was said stays, until its conversation goes.';

create policy conversation_messages_insert on public.conversation_messages
for insert
to authenticated
with check (
    role = 'user'
    and tokens_used is null
    and processing_time_ms is null
    and model_used is null
    and cost_cents is null
    and exists (
        select 1
        from public.conversations as c
        where
            c.id = conversation_messages.conversation_id
            and c.user_id = (select app_private.current_user_id())
    )
);

comment on policy conversation_messages_insert on public.conversation_messages is
    'What the user says in an own conversation. Answers, and what they cost, are '
    'written by the service.';

-- Guards. A policy sees the row before or after, never what has changed. Triggers run
-- by name: these run first, before others fill in the columns that are guarded here.
-- A write is an API request's when it runs under one of the roles of a request;
-- functions of the owner, and service_role, pass.

create function app_private.guard_user_profiles()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if current_user not in ('anon', 'authenticated') then
        return new;
    end if;
    if new.id <> old.id then
        raise exception 'cannot change the id of a profile'
            using errcode = 'insufficient_privilege';
    end if;
    if
        (new.email, new.role, new.is_active, new.organization_id, new.department)
        is not distinct from
        (old.email, old.role, old.is_active, old.organization_id, old.department)
    then
        return new;
    end if;
    if not app_private.is_admin() then
        raise exception
            'only an admin may change email, role, is_active, organization_id or '
            'department of a profile'
            using errcode = 'insufficient_privilege';
    end if;
    if
        new.role <> old.role
        and 'super_admin' in (new.role, old.role)
        and not app_private.is_super_admin()
    then
        raise exception 'only a super admin may make a super admin'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

comment on function app_private.guard_user_profiles() is
    'Keeps what gives rights in the hands of admins: also department, to which '
    'permissions may be limited.';

create trigger a_guard
before update on public.user_profiles
for each row execute function app_private.guard_user_profiles();

create function app_private.guard_content_items()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if current_user not in ('anon', 'authenticated') then
        return new;
    end if;
    if
        (new.id, new.version, new.created_at)
        is distinct from (old.id, old.version, old.created_at)
    then
        raise exception 'cannot change id, version or created_at of content'
            using errcode = 'insufficient_privilege';
    end if;
    if
        (new.created_by, new.organization_id)
        is distinct from (old.created_by, old.organization_id)
        and not app_private.is_super_admin()
    then
        raise exception
            'only a super admin may change created_by or organization_id of content'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

comment on function app_private.guard_content_items() is
    'Keeps whose content is, and what the database itself counts.';

create trigger a_guard
before update on public.content_items
for each row execute function app_private.guard_content_items();

create function app_private.guard_content_assignments()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if
        current_user in ('anon', 'authenticated')
        and new.assigned_by is distinct from old.assigned_by
    then
        raise exception 'cannot change assigned_by of an assignment'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

comment on function app_private.guard_content_assignments() is
    'Keeps who assigned.';

create trigger a_guard
before update on public.content_assignments
for each row execute function app_private.guard_content_assignments();

create function app_private.guard_conversations()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if
        current_user in ('anon', 'authenticated')
        and (
            new.id,
            new.user_id,
            new.message_count,
            new.total_tokens,
            new.estimated_cost,
            new.last_sequence,
            new.last_message_at,
            new.started_at,
            new.created_date
        ) is distinct from (
            old.id,
            old.user_id,
            old.message_count,
            old.total_tokens,
            old.estimated_cost,
            old.last_sequence,
            old.last_message_at,
            old.started_at,
            old.created_date
        )
    then
        raise exception
            'cannot change the owner, the counters or the times of a conversation'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

comment on function app_private.guard_conversations() is
    'Keeps whose conversation it is, and what its messages count.';

create trigger a_guard
before update on public.conversations
for each row execute function app_private.guard_conversations();

create function app_private.guard_conversation_messages()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if current_user in ('anon', 'authenticated') and new.role <> 'user' then
        raise exception 'cannot speak as "%" in a conversation', new.role
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

comment on function app_private.guard_conversation_messages() is
    'Keeps the service''s voice, whatever privileges and policies are added later.';

create trigger a_guard
before insert or update on public.conversation_messages
for each row execute function app_private.guard_conversation_messages();

-- Privileges. Platforms give API roles everything by default; ALL takes back what a
-- server knows, MAINTAIN from 17 on included.

revoke all on table
public.organizations,
public.user_profiles,
public.admin_permissions,
public.content_repositories,
public.content_items,
public.content_versions,
public.content_assignments,
public.conversations,
public.conversation_messages
from public, anon, authenticated, service_role;

grant select, insert, update, delete on table
public.organizations,
public.user_profiles,
public.admin_permissions,
public.content_repositories,
public.content_items,
public.content_assignments,
public.conversations
to authenticated;

grant select on table
public.content_versions,
public.conversation_messages
to authenticated;

-- Not created_at and created_date: they choose the partition.
grant insert (
    id,
    conversation_id,
    role,
    content,
    metadata,
    tokens_used,
    processing_time_ms,
    model_used,
    cost_cents,
    sequence_number
) on table public.conversation_messages
to authenticated;

grant select, insert, update, delete on table
public.organizations,
public.user_profiles,
public.admin_permissions,
public.content_repositories,
public.content_items,
public.content_versions,
public.content_assignments,
public.conversations,
public.conversation_messages
to service_role;

revoke all on schema app_private, app_partitions
from public, anon, authenticated, service_role;
grant usage on schema app_private to authenticated, service_role;

revoke execute on all functions in schema app_private from public, anon;

grant execute on function
app_private.current_user_id(),
app_private.current_user_role(),
app_private.current_user_org(),
app_private.is_admin(),
app_private.is_super_admin(),
app_private.has_permission(text, text, text),
app_private.lowest_id(boolean, uuid),
app_private.highest_id(boolean, uuid),
app_private.lowest_visible_user(),
app_private.highest_visible_user(),
app_private.permitted_organization(text, text),
app_private.permitted_colleagues(text, text),
app_private.visible_organizations(),
app_private.assigned_content_ids(public.access_level),
app_private.created_content_ids(),
app_private.managed_content_ids()
to authenticated, service_role;

-- What the installing role creates later starts closed. That everyone may execute a
-- new function is a default of the server, which only the form without a schema takes
-- away.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public
revoke all on tables from public, anon, authenticated;
alter default privileges in schema public
revoke all on functions from public, anon, authenticated;
alter default privileges in schema public
revoke all on sequences from public, anon, authenticated;
alter default privileges in schema public
revoke truncate, references, trigger on tables from service_role;
alter default privileges in schema app_private
revoke all on tables from public, anon, authenticated, service_role;
alter default privileges in schema app_private
revoke all on functions from public, anon, authenticated, service_role;
alter default privileges in schema app_private
revoke all on sequences from public, anon, authenticated, service_role;
alter default privileges in schema app_partitions
revoke all on tables from public, anon, authenticated, service_role;
alter default privileges in schema app_partitions
revoke all on functions from public, anon, authenticated, service_role;
alter default privileges in schema app_partitions
revoke all on sequences from public, anon, authenticated, service_role;

do $$
begin
    if pg_catalog.current_setting('server_version_num')::integer >= 170000 then
        alter default privileges in schema public
        revoke maintain on tables from service_role;
    end if;
end
$$;

-- Time limits of requests. A gateway applies a role's settings to each request, and
-- reads those that hold in every database only. A smaller value is left alone, and
-- without the right to change the role all are.
do $$
declare
    wanted record;
begin
    for wanted in
        select
            w.role_name as role_name,
            w.setting as setting,
            w.value as value
        from (
            values
                ('authenticated', 'statement_timeout', '30s'),
                ('authenticated', 'lock_timeout', '10s'),
                ('anon', 'statement_timeout', '10s'),
                ('anon', 'lock_timeout', '5s')
        ) as w (role_name, setting, value)
        where not exists (
            select 1
            from pg_catalog.pg_db_role_setting as s
            cross join pg_catalog.unnest(s.setconfig) as c (entry)
            cross join lateral (
                select pg_catalog.split_part(c.entry, '=', 2) as text
            ) as v
            where
                s.setrole in (0, pg_catalog.to_regrole(w.role_name))
                and s.setdatabase in (
                    0,
                    (
                        select d.oid
                        from pg_catalog.pg_database as d
                        where d.datname = pg_catalog.current_database()
                    )
                )
                and pg_catalog.split_part(c.entry, '=', 1) = w.setting
                -- 0 is no limit; a number without a unit is milliseconds.
                and v.text !~ '^0'
                and (v.text || case when v.text ~ '^\d+$' then 'ms' else '' end)::interval
                <= w.value::interval
        )
    loop
        begin
            execute pg_catalog.format(
                'alter role %I set %I = %L',
                wanted.role_name,
                wanted.setting,
                wanted.value
            );
        exception
            when insufficient_privilege then
                raise notice
                    'role "%" may not be altered: % stays as it is',
                    wanted.role_name,
                    wanted.setting;
        end;
    end loop;
end
$$;

notify pgrst, 'reload config';
notify pgrst, 'reload schema';

-- What an application asks for most, as one request each.

create function app_private.full_name_of(user_id uuid)
returns text
language sql
stable
security definer
set search_path = ''
as $$
    select p.full_name
    from public.user_profiles as p
    where p.id = full_name_of.user_id
$$;

comment on function app_private.full_name_of(uuid) is
    'Returns how a user is called, and nothing else of a profile that the caller may '
    'not read.';

create function app_private.published_content_page(
    repository text,
    page_size integer,
    before_moment timestamptz,
    before_id uuid
)
returns setof uuid
language sql
stable
security definer
rows 50
set search_path = ''
as $$
    select p.id
    from (
        (
            select
                i.id as id,
                i.updated_at as updated_at
            from public.content_items as i
            where
                i.organization_id = (select app_private.current_user_org())
                and i.status = 'published'
                and (i.updated_at, i.id) < (before_moment, before_id)
                and i.repository_id = any (
                    array(
                        select r.id
                        from public.content_repositories as r
                        where r.is_active and r.name = coalesce(repository, r.name)
                    )
                )
            order by
                i.updated_at desc,
                i.id desc
            limit page_size
        )
        union
        (
            select
                i.id as id,
                i.updated_at as updated_at
            from public.content_items as i
            where
                i.id = any (array(select app_private.assigned_content_ids()))
                and i.status = 'published'
                and (i.updated_at, i.id) < (before_moment, before_id)
                and i.repository_id = any (
                    array(
                        select r.id
                        from public.content_repositories as r
                        where r.is_active and r.name = coalesce(repository, r.name)
                    )
                )
            order by
                i.updated_at desc,
                i.id desc
            limit page_size
        )
    ) as p
    order by
        p.updated_at desc,
        p.id desc
    limit page_size
$$;

comment on function app_private.published_content_page(
    text, integer, timestamptz, uuid
) is
    'Returns the ids of one page of public.list_content(), newest first. Above the '
    'policies, because under them the comparison of a status, which is not leakproof, '
    'may not choose the index that has this order.';

create function public.list_content(
    p_repository text default null,
    p_limit integer default 50,
    p_cursor text default null
)
returns table (
    id uuid,
    repository_id uuid,
    repository_name text,
    title text,
    description text,
    metadata jsonb,
    status public.content_status,
    version integer,
    created_by uuid,
    creator_name text,
    organization_id uuid,
    created_at timestamptz,
    updated_at timestamptz,
    published_at timestamptz,
    is_assigned boolean,
    next_cursor text
)
language sql
stable
rows 50
set search_path = ''
as $$
    select
        i.id as id,
        i.repository_id as repository_id,
        r.display_name as repository_name,
        i.title as title,
        i.description as description,
        i.metadata as metadata,
        i.status as status,
        i.version as version,
        i.created_by as created_by,
        app_private.full_name_of(i.created_by) as creator_name,
        i.organization_id as organization_id,
        i.created_at as created_at,
        i.updated_at as updated_at,
        i.published_at as published_at,
        i.id = any (array(select app_private.assigned_content_ids())) as is_assigned,
        pg_catalog.to_char(
            i.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z~"'
        ) || i.id as next_cursor
    from public.content_items as i
    join public.content_repositories as r on r.id = i.repository_id
    where
        i.id = any (
            array(
                select
                    app_private.published_content_page(
                        p_repository,
                        least(greatest(coalesce(p_limit, 50), 1), 200),
                        coalesce(
                            pg_catalog.split_part(nullif(p_cursor, ''), '~', 1)
                            ::timestamptz,
                            'infinity'
                        ),
                        coalesce(
                            pg_catalog.split_part(nullif(p_cursor, ''), '~', 2)::uuid,
                            'ffffffff-ffff-ffff-ffff-ffffffffffff'
                        )
                    )
            )
        )
    order by
        i.updated_at desc,
        i.id desc
$$;

comment on function public.list_content(text, integer, text) is
    'Lists published content of the own organization and what is assigned from '
    'elsewhere, newest first: at most p_limit (1 to 200) items of a repository, or of '
    'all. For the next page pass the last row''s next_cursor. The content itself, which '
    'may be large, is read by id.';

create function public.user_dashboard()
returns json
language sql
stable
set search_path = ''
as $$
    select
        pg_catalog.json_build_object(
            'user_info',
            (
                select pg_catalog.row_to_json(u)
                from (
                    select
                        p.id as id,
                        p.organization_id as organization_id,
                        p.role as role
                    from public.user_profiles as p
                    where p.id = (select app_private.current_user_id())
                ) as u
            ),
            'recent_conversations',
            (
                select
                    coalesce(
                        pg_catalog.json_agg(r order by r.last_message_at desc), '[]'
                    )
                from (
                    select
                        c.id as id,
                        c.title as title,
                        c.last_message_at as last_message_at,
                        c.message_count as message_count
                    from public.conversations as c
                    where
                        c.user_id = (select app_private.current_user_id())
                        and c.status = 'active'
                    order by c.last_message_at desc
                    limit 10
                ) as r
            ),
            'assigned_content',
            (
                select
                    coalesce(
                        pg_catalog.json_agg(a order by a.updated_at desc, a.id desc),
                        '[]'
                    )
                from (
                    select
                        i.id as id,
                        i.title as title,
                        i.repository_id as repository_id,
                        i.updated_at as updated_at
                    from public.content_items as i
                    where
                        i.id = any (array(select app_private.assigned_content_ids()))
                    order by
                        i.updated_at desc,
                        i.id desc
                    limit 20
                ) as a
            )
        )
$$;

comment on function public.user_dashboard() is
    'Returns who is asking, the ten active conversations last spoken in, and the twenty '
    'assigned contents last changed; empty lists where there is nothing.';

revoke execute on function
app_private.full_name_of(uuid),
app_private.published_content_page(text, integer, timestamptz, uuid),
public.list_content(text, integer, text),
public.user_dashboard()
from public, anon, service_role;

grant execute on function
app_private.full_name_of(uuid),
app_private.published_content_page(text, integer, timestamptz, uuid),
public.list_content(text, integer, text),
public.user_dashboard()
to authenticated;
