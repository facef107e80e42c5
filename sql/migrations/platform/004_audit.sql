-- Migration: 004_audit
-- Description: the audit log: who changed which row, when and from where. Nobody writes
-- it but the trigger function below, and nobody changes it at all.

-- Four labels: events that are not changes of rows go to monitoring.operations_log.
do $$
declare
    wanted constant text[] := array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'];
    present text[];
begin
    if pg_catalog.to_regtype('public.audit_operation') is null then
        create type public.audit_operation
        as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');
        return;
    end if;
    select pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder)
    into present
    from pg_catalog.pg_enum as e
    where e.enumtypid = pg_catalog.to_regtype('public.audit_operation');
    if present is distinct from wanted then
        raise exception 'type "public.audit_operation" exists with other labels'
            using
                errcode = 'duplicate_object',
                detail = pg_catalog.format('Wanted are %s, it has %s.', wanted, present),
                hint = 'Rename the existing type first.';
    end if;
end
$$;

-- No foreign key: rows outlive the accounts they speak of.
create table public.audit_logs (
    id uuid not null default gen_random_uuid(),
    schema_name text not null default 'public',
    table_name text not null,
    record_id text,
    operation public.audit_operation not null,
    old_values jsonb,
    new_values jsonb,
    changed_fields text[],
    user_id uuid,
    actor_role text not null default current_user,
    session_user_name text not null default session_user,
    session_id text,
    ip_address inet,
    user_agent text,
    txid bigint not null default pg_current_xact_id()::text::bigint,
    created_at timestamptz not null default now(),
    created_date date not null default (now() at time zone 'UTC')::date,
    primary key (id, created_date),
    constraint chk_audit_created_date
        check (
            created_date - (created_at at time zone 'UTC')::date between -1 and 1
        )
) partition by range (created_date);

comment on table public.audit_logs is
    'Changes of rows, one row each. Append only; written by triggers, see '
    'monitoring.enable_audit().';
comment on column public.audit_logs.record_id is
    'Primary key as text, a composite one as a JSON object; null for TRUNCATE and for '
    'tables without a key.';
comment on column public.audit_logs.old_values is
    'The row before; of an UPDATE only the columns that changed.';
comment on column public.audit_logs.new_values is
    'The row after; of an UPDATE only the columns that changed.';
comment on column public.audit_logs.user_id is
    'Who asked, from the request''s token; null outside a request.';
comment on column public.audit_logs.actor_role is
    'The role that the request or the session acted under.';
comment on column public.audit_logs.session_user_name is
    'The role that connected.';
comment on column public.audit_logs.session_id is
    'Setting app.session_id (SET LOCAL), else claim session_id of the token.';
comment on column public.audit_logs.ip_address is
    'First address of header X-Forwarded-For, which a client may have made up; outside a '
    'request the connection''s.';
comment on column public.audit_logs.user_agent is
    'Header User-Agent; outside a request the application_name.';
comment on column public.audit_logs.txid is
    'The transaction, as pg_current_xact_id() returns it.';

create index idx_audit_logs_table
on public.audit_logs (schema_name, table_name, created_date);

create index idx_audit_logs_user
on public.audit_logs (user_id, created_date);

create index idx_audit_logs_record
on public.audit_logs (schema_name, table_name, record_id);

-- A table, not a setting: a setting could be changed by whoever is audited.
create table app_private.audit_settings (
    is_only_row boolean primary key default true,
    on_error text not null default 'fail',
    constraint chk_audit_settings_only_row
        check (is_only_row),
    constraint chk_audit_settings_on_error
        check (on_error in ('fail', 'warn'))
);

comment on column app_private.audit_settings.on_error is
    'What an error in the audit does to the write: "fail" it, or "warn" and let it pass '
    'without a trace. Only the owner may change it; warn costs a subtransaction a row.';

insert into app_private.audit_settings (on_error)
values ('fail');

-- Where a change comes from. What a client sent may be anything: what cannot be read is
-- null, never an error.

create function app_private.json_or_null(value text)
returns jsonb
language plpgsql
immutable
strict
set search_path = ''
as $$
begin
    return value::jsonb;
exception
    when others then
        return null;
end
$$;

create function app_private.inet_or_null(value text)
returns inet
language plpgsql
immutable
strict
set search_path = ''
as $$
begin
    return value::inet;
exception
    when others then
        return null;
end
$$;

create function app_private.audit_actor()
returns uuid
language plpgsql
stable
set search_path = ''
as $$
begin
    return auth.uid();
exception
    when others then
        return null;
end
$$;

comment on function app_private.json_or_null(text) is
    'Returns a text as JSON; null for what is none.';
comment on function app_private.inet_or_null(text) is
    'Returns a text as an address; null for what is none.';
comment on function app_private.audit_actor() is
    'Returns who is asking; null for nobody and for a malformed token.';

-- What is stored.

create function app_private.audit_redact(row_values jsonb, redacted text[])
returns jsonb
language sql
immutable
strict
set search_path = ''
as $$
    select
        row_values || coalesce(
            (
                select jsonb_object_agg(c.name, '[redacted]'::text)
                from unnest(redacted) as c (name)
                where row_values -> c.name <> 'null'
            ),
            '{}'
        )
$$;

comment on function app_private.audit_redact(jsonb, text[]) is
    'Hides the values of columns, but not that there are some.';

create function app_private.audit_changed_nulls(
    old_row record,
    new_row record,
    json_columns text[]
)
returns table (name text, was_missing boolean)
language plpgsql
stable
strict
set search_path = ''
as $$
declare
    is_missing boolean;
begin
    foreach name in array json_columns
    loop
        execute pg_catalog.format('select ($1).%1$I is null, ($2).%1$I is null', name)
        into was_missing, is_missing
        using old_row, new_row;
        if was_missing <> is_missing then
            return next;
        end if;
    end loop;
end
$$;

comment on function app_private.audit_changed_nulls(record, record, text[]) is
    'Returns JSON columns that went from SQL''s null to JSON''s or back: two values that '
    'look the same once a row is JSON.';

create function app_private.audit_origin(
    out session_id text,
    out ip_address inet,
    out user_agent text
)
language plpgsql
stable
set search_path = ''
as $$
declare
    claims constant text
        := nullif(pg_catalog.current_setting('request.jwt.claims', true), '');
    request constant text
        := nullif(pg_catalog.current_setting('request.headers', true), '');
    headers jsonb;
begin
    session_id := nullif(pg_catalog.current_setting('app.session_id', true), '');
    if session_id is null and claims is not null then
        session_id := app_private.json_or_null(claims) ->> 'session_id';
    end if;
    if request is null then
        ip_address := pg_catalog.inet_client_addr();
        user_agent := nullif(pg_catalog.current_setting('application_name'), '');
    else
        headers := app_private.json_or_null(request);
        ip_address := app_private.inet_or_null(
            pg_catalog.btrim(
                pg_catalog.split_part(headers ->> 'x-forwarded-for', ',', 1)
            )
        );
        user_agent := headers ->> 'user-agent';
    end if;
    -- A client chooses how long they are.
    session_id := pg_catalog.left(session_id, 200);
    user_agent := pg_catalog.left(user_agent, 1000);
end
$$;

comment on function app_private.audit_origin() is
    'Returns where the request, else the connection, comes from.';

create function app_private.audit_write(
    relation oid,
    schema_name text,
    table_name text,
    operation text,
    arguments text[],
    old_row record,
    new_row record
)
returns void
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
    key_columns constant text[] := arguments[0]::text[];
    excluded constant text[] := arguments[1]::text[];
    redacted constant text[] := arguments[2]::text[];
    -- The excluded columns as nulls: a large one is never turned into JSON at all.
    emptied constant jsonb := arguments[3]::jsonb;
    json_columns text[] := arguments[4]::text[];
    root constant oid := pg_catalog.pg_partition_root(relation)::oid;
    origin record;
    nulled record;
    old_values jsonb;
    new_values jsonb;
    changed_fields text[];
    record_id text;
begin
    if operation in ('UPDATE', 'DELETE') then
        old_values := pg_catalog.to_jsonb(
            pg_catalog.jsonb_populate_record(old_row, emptied)
        ) - excluded;
    end if;
    if operation in ('INSERT', 'UPDATE') then
        new_values := pg_catalog.to_jsonb(
            pg_catalog.jsonb_populate_record(new_row, emptied)
        ) - excluded;
    end if;
    record_id := case pg_catalog.cardinality(key_columns)
        when 0 then null
        when 1 then coalesce(new_values, old_values) ->> key_columns[1]
        else (
            select
                pg_catalog.jsonb_object_agg(
                    c.name, coalesce(new_values, old_values) -> c.name
                )::text
            from pg_catalog.unnest(key_columns) as c (name)
        )
    end;

    if operation = 'UPDATE' then
        if json_columns <> '{}' then
            json_columns := array(
                select c.name
                from pg_catalog.unnest(json_columns) as c (name)
                where old_values -> c.name = 'null' and new_values -> c.name = 'null'
            );
        end if;
        select
            pg_catalog.jsonb_object_agg(o.key, o.value),
            pg_catalog.jsonb_object_agg(o.key, new_values -> o.key),
            pg_catalog.array_agg(o.key order by o.key)
        into old_values, new_values, changed_fields
        from pg_catalog.jsonb_each(old_values) as o (key, value)
        where o.value is distinct from new_values -> o.key;
        if json_columns <> '{}' then
            for nulled in
                select
                    n.name as name,
                    n.was_missing as was_missing
                from app_private.audit_changed_nulls(old_row, new_row, json_columns) as n
            loop
                changed_fields := changed_fields || nulled.name;
                old_values := coalesce(old_values, '{}');
                new_values := coalesce(new_values, '{}');
                -- JSON's null is shown as such, SQL's by leaving the column out.
                if nulled.was_missing then
                    new_values := pg_catalog.jsonb_set(
                        new_values, array[nulled.name], 'null'
                    );
                else
                    old_values := pg_catalog.jsonb_set(
                        old_values, array[nulled.name], 'null'
                    );
                end if;
            end loop;
        end if;
        if changed_fields is null then
            return;
        end if;
    end if;

    if redacted <> '{}' then
        old_values := app_private.audit_redact(old_values, redacted);
        new_values := app_private.audit_redact(new_values, redacted);
    end if;
    if root <> relation then
        select
            n.nspname::text,
            c.relname::text
        into schema_name, table_name
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
        where c.oid = root;
    end if;
    origin := app_private.audit_origin();

    insert into public.audit_logs (
        schema_name,
        table_name,
        record_id,
        operation,
        old_values,
        new_values,
        changed_fields,
        user_id,
        actor_role,
        session_user_name,
        session_id,
        ip_address,
        user_agent
    )
    values (
        schema_name,
        table_name,
        record_id,
        operation::public.audit_operation,
        old_values,
        new_values,
        changed_fields,
        app_private.audit_actor(),
        -- Not current_user, which is the owner here.
        coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user),
        session_user,
        origin.session_id,
        origin.ip_address,
        origin.user_agent
    );
end
$$;

comment on function app_private.audit_write(oid, text, text, text, text[], record, record)
is
    'Writes one audit row, unless nothing has changed. The arguments are the trigger''s: '
    'see monitoring.enable_audit().';

create function public.audit_trigger_function()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    -- Without the row of settings the default holds.
    warns constant boolean := exists (
        select 1
        from app_private.audit_settings as s
        where s.on_error = 'warn'
    );
begin
    if not warns then
        perform app_private.audit_write(
            tg_relid, tg_table_schema, tg_table_name, tg_op, tg_argv, old, new
        );
        return null;
    end if;
    begin
        perform app_private.audit_write(
            tg_relid, tg_table_schema, tg_table_name, tg_op, tg_argv, old, new
        );
    exception
        when others then
            raise warning
                'could not audit % of "%.%": %',
                tg_op,
                tg_table_schema,
                tg_table_name,
                sqlerrm;
    end;
    return null;
end
$$;

comment on function public.audit_trigger_function() is
    'Writes audit rows; attached by monitoring.enable_audit(). An error fails the write '
    'unless app_private.audit_settings says otherwise.';

-- Which tables are audited.

create function monitoring.enable_audit(
    target regclass,
    excluded text[] default '{}',
    redacted text[] default '{}'
)
returns void
language plpgsql
set search_path = ''
as $$
declare
    relation record;
    key_columns text[];
    json_columns text[];
    emptied jsonb;
    unknown text;
    former record;
    row_trigger text;
    truncate_trigger text;
begin
    select
        c.relname as name,
        c.relkind as kind,
        c.oid = 'public.audit_logs'::regclass
        or pg_catalog.pg_partition_root(c.oid) = 'public.audit_logs'::regclass
        as is_log
    into relation
    from pg_catalog.pg_class as c
    where c.oid = target;
    if not found then
        raise exception 'relation % does not exist', target
            using errcode = 'undefined_table';
    end if;
    if relation.kind not in ('r', 'p') or relation.is_log then
        raise exception 'cannot audit %', target
            using
                errcode = 'wrong_object_type',
                detail = 'Only tables can be audited, and not the audit log itself.';
    end if;

    select e.name
    into unknown
    from pg_catalog.unnest(excluded || redacted) as e (name)
    where not exists (
        select 1
        from pg_catalog.pg_attribute as a
        where
            a.attrelid = target
            and a.attname = e.name
            and a.attnum > 0
            and not a.attisdropped
    )
    limit 1;
    if found then
        raise exception 'column "%" of % does not exist', unknown, target
            using errcode = 'undefined_column';
    end if;

    select
        coalesce(
            pg_catalog.array_agg(a.attname::text order by k.place)
            filter (where k.place is not null),
            '{}'
        ),
        coalesce(
            pg_catalog.array_agg(a.attname::text order by a.attnum)
            filter (
                where
                a.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
                and a.attname <> all (excluded)
            ),
            '{}'
        ),
        -- A domain may refuse null.
        coalesce(
            pg_catalog.jsonb_object_agg(a.attname, null)
            filter (where a.attname = any (excluded) and t.typtype <> 'd'),
            '{}'
        )
    into key_columns, json_columns, emptied
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t
        on t.oid = a.atttypid
    left join pg_catalog.pg_index as i
        on
            i.indrelid = a.attrelid
            and i.indisprimary
    left join lateral pg_catalog.unnest(i.indkey::smallint[])
    with ordinality as k (number, place)
        on k.number = a.attnum
    where
        a.attrelid = target
        and a.attnum > 0
        and not a.attisdropped;
    if key_columns && (excluded || redacted) then
        raise exception 'cannot hide the key of %', target
            using
                errcode = 'invalid_parameter_value',
                detail = 'An audit row names the changed row by its key.';
    end if;

    -- As PostgreSQL would cut them.
    row_trigger := ('audit_' || relation.name)::name::text;
    truncate_trigger := ('audit_truncate_' || relation.name)::name::text;
    -- The table may have been renamed.
    for former in
        select t.tgname as name
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = target
            and t.tgparentid = 0
            and t.tgfoid = 'public.audit_trigger_function()'::regprocedure
            and t.tgname not in (row_trigger, truncate_trigger)
    loop
        execute pg_catalog.format('drop trigger %I on %s', former.name, target);
    end loop;
    execute pg_catalog.format(
        'create or replace trigger %I after insert or update or delete on %s '
        'for each row execute function public.audit_trigger_function(%L, %L, %L, %L, %L)',
        row_trigger,
        target,
        key_columns,
        excluded,
        redacted,
        emptied,
        json_columns
    );
    execute pg_catalog.format(
        'create or replace trigger %I after truncate on %s '
        'for each statement execute function '
        'public.audit_trigger_function(%L, %L, %L, %L, %L)',
        truncate_trigger,
        target,
        key_columns,
        excluded,
        redacted,
        emptied,
        json_columns
    );
    insert into monitoring.operations_log (event, details)
    values (
        'audit_enabled',
        pg_catalog.jsonb_build_object(
            'table', target::text, 'excluded', excluded, 'redacted', redacted
        )
    );
end
$$;

comment on function monitoring.enable_audit(regclass, text[], text[]) is
    'Audits a table from now on. Excluded columns are left out and do not count as a '
    'change; of redacted ones it is told that they changed, not to what. Repeat it after '
    'a change of the table''s name, key or columns.';

create function monitoring.disable_audit(target regclass)
returns void
language plpgsql
set search_path = ''
as $$
declare
    present record;
    was_audited boolean := false;
begin
    for present in
        select t.tgname as name
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = target
            and t.tgparentid = 0
            and t.tgfoid = 'public.audit_trigger_function()'::regprocedure
    loop
        execute pg_catalog.format('drop trigger %I on %s', present.name, target);
        was_audited := true;
    end loop;
    if was_audited then
        insert into monitoring.operations_log (event, details)
        values (
            'audit_disabled',
            pg_catalog.jsonb_build_object('table', target::text)
        );
    end if;
end
$$;

comment on function monitoring.disable_audit(regclass) is
    'Audits a table no longer; what was written stays.';

-- Append only, for the owner too. A transaction that moves rows between partitions says
-- so first; dropping and detaching a partition is no change of rows and stays possible.

create function app_private.begin_audit_maintenance()
returns void
language sql
set search_path = ''
as $$
    -- The number makes it end with the transaction, even if a session setting is made.
    select set_config('pgvigil.audit_maintenance', pg_current_xact_id()::text, true)
$$;

comment on function app_private.begin_audit_maintenance() is
    'Lets the owner change the audit log''s rows until the transaction ends.';

create function app_private.guard_audit_logs()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if
        pg_catalog.current_setting('pgvigil.audit_maintenance', true)
        is distinct from pg_catalog.pg_current_xact_id()::text
        or not exists (
            select 1
            from pg_catalog.pg_class as c
            where
                c.oid = tg_relid
                and pg_catalog.pg_has_role(current_user, c.relowner, 'usage')
        )
    then
        raise exception 'cannot % rows of the audit log', pg_catalog.lower(tg_op)
            using
                errcode = 'insufficient_privilege',
                hint = 'It is append only; old months go as whole partitions.';
    end if;
    if tg_op = 'UPDATE' then
        return new;
    end if;
    return old;
end
$$;

comment on function app_private.guard_audit_logs() is
    'Keeps the audit log append only, for its owner too.';

create trigger a_guard
before update or delete on public.audit_logs
for each row execute function app_private.guard_audit_logs();

create trigger a_guard_truncate
before truncate on public.audit_logs
for each statement execute function app_private.guard_audit_logs();

-- Triggers for rows come to a partition from its parent, those for TRUNCATE do not.
create or replace function app_private.close_partition(child text)
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
    if child ~ '^audit_logs_' then
        execute pg_catalog.format(
            'create trigger a_guard_truncate before truncate on app_partitions.%I '
            'for each statement execute function app_private.guard_audit_logs()',
            child
        );
    end if;
end
$$;

select app_private.create_default_partition('public.audit_logs');
select
    app_private.create_partition('public.audit_logs', m.month::date)
from
    pg_catalog.generate_series(
        pg_catalog.date_trunc('month', now() at time zone 'UTC') - interval '1 month',
        pg_catalog.date_trunc('month', now() at time zone 'UTC') + interval '3 months',
        interval '1 month'
    ) as m (month);

-- Who may read it.

alter table public.audit_logs enable row level security;
alter table app_private.audit_settings enable row level security;

create policy audit_logs_select on public.audit_logs
for select
to authenticated
using (
    id between
    (select app_private.lowest_id(app_private.has_permission('system', 'read', 'all')))
    and (
        select
            app_private.highest_id(app_private.has_permission('system', 'read', 'all'))
    )
);

comment on policy audit_logs_select on public.audit_logs is
    'Super admins and permission system:read for all: the log is of no organization.';

revoke all on table public.audit_logs, app_private.audit_settings
from public, anon, authenticated, service_role;
grant select on table public.audit_logs to authenticated;

revoke execute on function
public.audit_trigger_function(),
monitoring.enable_audit(regclass, text[], text[]),
monitoring.disable_audit(regclass),
app_private.begin_audit_maintenance(),
app_private.guard_audit_logs(),
app_private.json_or_null(text),
app_private.inet_or_null(text),
app_private.audit_actor(),
app_private.audit_redact(jsonb, text[]),
app_private.audit_changed_nulls(record, record, text[]),
app_private.audit_origin(),
app_private.audit_write(oid, text, text, text, text[], record, record)
from public, anon, authenticated, service_role;

-- Not conversations and messages: they are private, and their own record.
select monitoring.enable_audit('public.user_profiles', redacted => '{phone}');
select monitoring.enable_audit('public.admin_permissions');
select monitoring.enable_audit('public.organizations');
select monitoring.enable_audit('public.content_items', excluded => '{search_vector}');
select monitoring.enable_audit('public.content_assignments');
-- Whether a write may go unaudited is worth a trace itself.
select monitoring.enable_audit('app_private.audit_settings');
