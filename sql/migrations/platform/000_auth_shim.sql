-- Migration: 000_auth_shim
-- Description: stands in for an authentication service on a server without one:
-- users, who is asking, and the roles that a REST gateway acts under. Where schema
-- auth is there already, this is only recorded, never run and never taken back.
-- optional

-- Roles are the whole server's: those that another database uses already stay as
-- they are.
do $$
declare
    is_superuser boolean;
    wanted record;
    member text;
begin
    select r.rolsuper
    into is_superuser
    from pg_catalog.pg_roles as r
    where r.rolname = current_user;

    for wanted in
        select
            w.name as name,
            w.attributes as attributes
        from (
            values
                ('anon', 'nologin noinherit'),
                ('authenticated', 'nologin noinherit'),
                ('service_role', 'nologin noinherit bypassrls'),
                ('authenticator', 'login noinherit')
        ) as w (name, attributes)
        where pg_catalog.to_regrole(w.name) is null
    loop
        execute pg_catalog.format('create role %I %s', wanted.name, wanted.attributes);
    end loop;

    foreach member in array array['anon', 'authenticated', 'service_role']
    loop
        if not pg_catalog.pg_has_role('authenticator', member, 'member') then
            execute pg_catalog.format('grant %I to authenticator', member);
        end if;
        if
            not is_superuser
            and not pg_catalog.pg_has_role(current_user, member, 'usage')
        then
            execute pg_catalog.format('grant %I to %I', member, current_user);
        end if;
    end loop;
end
$$;

create schema auth;
grant usage on schema auth to anon, authenticated, service_role;

create table auth.users (
    id uuid primary key,
    email varchar(255),
    phone text unique,
    encrypted_password varchar(255),
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    last_sign_in_at timestamptz,
    banned_until timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

create unique index users_email_key on auth.users (lower(email));

comment on table auth.users is
    'Who may sign in. Written by what authenticates them, read by nobody else.';

-- No policy: API roles see nothing of it even where they are granted it.
alter table auth.users enable row level security;
revoke all on auth.users from public, anon, authenticated, service_role;

-- A gateway sets either one setting with all claims, or, before 2021, one a claim.
create function auth.jwt()
returns jsonb
language sql
stable
set search_path = ''
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')
    )::jsonb
$$;

create function auth.uid()
returns uuid
language sql
stable
set search_path = ''
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid
$$;

create function auth.role()
returns text
language sql
stable
set search_path = ''
as $$
    select coalesce(
        nullif(current_setting('request.jwt.claim.role', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
    )
$$;

comment on function auth.jwt() is
    'Returns the claims of the request''s token; null outside a request.';
comment on function auth.uid() is
    'Returns who is asking, from claim "sub"; null outside a request.';
comment on function auth.role() is
    'Returns the role of the request, from claim "role"; null outside a request.';

revoke execute on function auth.jwt() from public;
revoke execute on function auth.uid() from public;
revoke execute on function auth.role() from public;
grant execute on function auth.jwt() to anon, authenticated, service_role;
grant execute on function auth.uid() to anon, authenticated, service_role;
grant execute on function auth.role() to anon, authenticated, service_role;
