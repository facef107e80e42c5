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

-- Proof of what was written. A chain over single rows would let one transaction write at
-- a time, so whole days are sealed, after they ended.

create table app_private.audit_seals (
    created_date date primary key,
    row_count bigint not null,
    digest bytea not null,
    previous bytea not null,
    seal bytea not null,
    sealed_at timestamptz not null default now()
);

comment on table app_private.audit_seals is
    'The audit log''s days, one row each; every seal covers the one before.';
comment on column app_private.audit_seals.created_date is
    'The day, in UTC; without gaps from the first one on, with or without rows.';
comment on column app_private.audit_seals.digest is
    'See app_private.digest_audit_days(); empty for a day without rows.';
comment on column app_private.audit_seals.previous is
    'The seal of the day before; empty for the first one.';
comment on column app_private.audit_seals.seal is
    'SHA-256, see app_private.audit_seal(). The newest one vouches for all before it: '
    'noted elsewhere, it also proves that the owner has not rewritten log and seals.';

create trigger a_guard
before update or delete on app_private.audit_seals
for each row execute function app_private.guard_audit_logs();

create trigger a_guard_truncate
before truncate on app_private.audit_seals
for each statement execute function app_private.guard_audit_logs();

-- A row is folded in at a time, so that memory does not grow with a day's rows. Columns
-- are named one by one: one that is added later must not change what was sealed before.
create function app_private.digest_audit_days(since date, until date)
returns table (created_date date, row_count bigint, digest bytea)
language plpgsql
stable
set search_path = ''
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
    entry record;
begin
    for entry in
        select
            a.created_date as day,
            pg_catalog.sha256(
                pg_catalog.convert_to(
                    row(
                        a.id,
                        a.schema_name,
                        a.table_name,
                        a.record_id,
                        a.operation,
                        a.old_values,
                        a.new_values,
                        a.changed_fields,
                        a.user_id,
                        a.actor_role,
                        a.session_user_name,
                        a.session_id,
                        a.ip_address,
                        a.user_agent,
                        a.txid,
                        a.created_at,
                        a.created_date
                    )::text,
                    'UTF8'
                )
            ) as row_digest
        from public.audit_logs as a
        where
            a.created_date >= since
            and a.created_date < until
        order by a.created_date, a.created_at, a.id
    loop
        if created_date is distinct from entry.day then
            if created_date is not null then
                return next;
            end if;
            created_date := entry.day;
            row_count := 0;
            digest := '';
        end if;
        row_count := row_count + 1;
        digest := pg_catalog.sha256(digest || entry.row_digest);
    end loop;
    if created_date is not null then
        return next;
    end if;
end
$$;

comment on function app_private.digest_audit_days(date, date) is
    'Returns the days that have rows, each with their number and SHA-256: the digest of '
    'the rows so far and of the next one''s digest, in order of created_at and id.';

create function app_private.audit_seal(
    previous bytea,
    created_date date,
    row_count bigint,
    digest bytea
)
returns bytea
language sql
stable
strict
set search_path = ''
set datestyle = 'ISO, YMD'
as $$
    select
        sha256(
            previous
            || convert_to(format('%s %s ', created_date, row_count), 'UTF8')
            || digest
        )
$$;

comment on function app_private.audit_seal(bytea, date, bigint, bytea) is
    'Returns SHA-256 of the seal before, "YYYY-MM-DD COUNT " and the day''s digest.';

-- A row's day is that of its transaction's beginning. What began before midnight may
-- write until it ends, so a day is sealed when another one has passed, and not while
-- such a transaction is seen to run. Prepared transactions are not looked at.
create function monitoring.seal_audit(up_to date default null)
returns integer
language plpgsql
set search_path = ''
set timezone = 'UTC'
as $$
declare
    newest record;
    day record;
    next_seal bytea;
    sealed integer := 0;
    until constant date := least(
        up_to,
        pg_catalog.now()::date - 2,
        (
            select pg_catalog.min(a.xact_start)::date - 1
            from pg_catalog.pg_stat_activity as a
            where
                a.datname = pg_catalog.current_database()
                and a.backend_type <> 'autovacuum worker'
        )
    );
begin
    lock table app_private.audit_seals in share row exclusive mode;
    select
        s.created_date as created_date,
        s.seal as seal
    into newest
    from app_private.audit_seals as s
    order by s.created_date desc
    limit 1;
    next_seal := coalesce(newest.seal, '');
    for day in
        with digests as materialized (
            select
                d.created_date as created_date,
                d.row_count as row_count,
                d.digest as digest
            from app_private.digest_audit_days(
                coalesce(newest.created_date + 1, '-infinity'), until + 1
            ) as d
        )
        select
            g.moment::date as created_date,
            coalesce(d.row_count, 0) as row_count,
            coalesce(d.digest, '') as digest
        from pg_catalog.generate_series(
            coalesce(
                newest.created_date + 1,
                (select pg_catalog.min(f.created_date) from digests as f)
            )::timestamp,
            until::timestamp,
            interval '1 day'
        ) as g (moment)
        left join digests as d
            on d.created_date = g.moment::date
        order by g.moment
    loop
        insert into app_private.audit_seals as s (
            created_date,
            row_count,
            digest,
            previous,
            seal
        )
        values (
            day.created_date,
            day.row_count,
            day.digest,
            next_seal,
            app_private.audit_seal(
                next_seal, day.created_date, day.row_count, day.digest
            )
        )
        returning s.seal into next_seal;
        sealed := sealed + 1;
    end loop;
    return sealed;
end
$$;

comment on function monitoring.seal_audit(date) is
    'Seals the days of the audit log that no open transaction can add to: up to the day '
    'before yesterday (UTC), or an earlier one. Returns how many. The first call begins '
    'with the first row; owner only.';

-- Sorted month by month, as the partitions lie. Whoever empties a whole month and drops
-- its partition cannot be told from retention, which does just that.
create function monitoring.verify_audit()
returns table (created_date date, status text, details text)
language sql
stable
set search_path = ''
set timezone = 'UTC'
as $$
    with chain as (
        select
            s.created_date as created_date,
            s.row_count as row_count,
            s.digest as digest,
            s.seal = app_private.audit_seal(
                s.previous, s.created_date, s.row_count, s.digest
            ) as is_sound,
            s.previous = coalesce(lag(s.seal) over by_day, '')
            and coalesce(
                lag(s.created_date) over by_day = s.created_date - 1, true
            ) as follows
        from app_private.audit_seals as s
        window by_day as (order by s.created_date)
    ),
    sealed as (
        select
            min(c.created_date) as first_day,
            max(c.created_date) as last_day,
            date_trunc('month', coalesce(min(c.created_date), now()::date)::timestamp)
            as first_month,
            date_trunc('month', now()::timestamp) as last_month
        from chain as c
    ),
    months as (
        select
            g.month::date as since,
            (g.month + interval '1 month')::date as until
        from sealed as s
        cross join generate_series(
            s.first_month, s.last_month, interval '1 month'
        ) as g (month)
        union all
        select
            '-infinity' as since,
            s.first_month::date as until
        from sealed as s
        union all
        select
            (s.last_month + interval '1 month')::date as since,
            'infinity' as until
        from sealed as s
    ),
    written as (
        select
            d.created_date as created_date,
            d.row_count as row_count,
            d.digest as digest
        from months as m
        cross join lateral app_private.digest_audit_days(m.since, m.until) as d
    ),
    days as (
        select
            coalesce(c.created_date, w.created_date) as created_date,
            c.created_date is not null as is_sealed,
            c.is_sound as is_sound,
            c.follows as follows,
            c.row_count as sealed_count,
            coalesce(w.row_count, 0) as found_count,
            c.row_count = coalesce(w.row_count, 0)
            and c.digest = coalesce(w.digest, '') as is_same,
            sum(w.row_count) over (
                partition by
                    date_trunc(
                        'month', coalesce(c.created_date, w.created_date)::timestamp
                    )
            ) is null
            and not exists (
                select 1
                from pg_inherits as i
                join pg_class as p
                    on p.oid = i.inhrelid
                where
                    i.inhparent = 'public.audit_logs'::regclass
                    and p.relname
                    = app_private.partition_name(i.inhparent, c.created_date)
            ) as is_retired
        from chain as c
        full join written as w
            on w.created_date = c.created_date
    ),
    judged as (
        select
            d.created_date as created_date,
            d.found_count as found_count,
            d.sealed_count as sealed_count,
            case
                when not d.is_sealed and d.created_date < s.first_day then 'CHANGED'
                when not d.is_sealed and d.created_date < s.last_day then 'CHAIN BROKEN'
                when not d.is_sealed then 'UNSEALED'
                when not (d.is_sound and d.follows) then 'CHAIN BROKEN'
                when d.is_same then 'OK'
                when d.found_count > 0 then 'CHANGED'
                when d.is_retired then 'RETIRED'
                else 'MISSING'
            end as status,
            case
                when not d.is_sealed and d.created_date < s.first_day
                    then 'its rows came after later days were sealed'
                when not d.is_sealed and d.created_date < s.last_day
                    then 'its seal is gone'
                when not d.is_sealed then null
                when not d.is_sound then 'its seal is not the one of what it says'
                when not d.follows then 'it does not follow the seal of the day before'
                when not d.is_same and d.found_count = d.sealed_count
                    then 'the rows are others'
            end as remark
        from days as d
        cross join sealed as s
    )
    select
        j.created_date as created_date,
        j.status as status,
        concat_ws(
            '; ',
            case
                when j.sealed_count is null then format('%s row(s)', j.found_count)
                else format('%s row(s), %s sealed', j.found_count, j.sealed_count)
            end,
            j.remark
        ) as details
    from judged as j
    order by j.created_date
$$;

comment on function monitoring.verify_audit() is
    'Compares every day of the audit log with its seal, and the seals with each other. '
    'OK; UNSEALED: rows of days after the newest seal; RETIRED: gone with the partition '
    'of its month; CHANGED, MISSING, CHAIN BROKEN: somebody has tampered. Owner only.';

-- Who may read it.

alter table public.audit_logs enable row level security;
alter table app_private.audit_settings enable row level security;
alter table app_private.audit_seals enable row level security;

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

revoke all on table
public.audit_logs,
app_private.audit_settings,
app_private.audit_seals
from public, anon, authenticated, service_role;
grant select on table public.audit_logs to authenticated;

revoke execute on function
public.audit_trigger_function(),
monitoring.enable_audit(regclass, text[], text[]),
monitoring.disable_audit(regclass),
monitoring.seal_audit(date),
monitoring.verify_audit(),
app_private.begin_audit_maintenance(),
app_private.guard_audit_logs(),
app_private.json_or_null(text),
app_private.inet_or_null(text),
app_private.audit_actor(),
app_private.audit_redact(jsonb, text[]),
app_private.audit_changed_nulls(record, record, text[]),
app_private.audit_origin(),
app_private.digest_audit_days(date, date),
app_private.audit_seal(bytea, date, bigint, bytea),
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
