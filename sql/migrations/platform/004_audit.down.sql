-- Migration: 004_audit
-- Takes it back: the audit log with all its rows, and its triggers on every table.

do $$
declare
    attached record;
begin
    for attached in
        select
            t.tgname as name,
            t.tgrelid::regclass as relation
        from pg_catalog.pg_trigger as t
        where
            t.tgfoid = 'public.audit_trigger_function()'::regprocedure
            and t.tgparentid = 0
    loop
        execute pg_catalog.format(
            'drop trigger %I on %s', attached.name, attached.relation
        );
    end loop;
end
$$;

drop function monitoring.verify_audit();
drop function monitoring.seal_audit(date);
drop function app_private.digest_audit_days(date, date);
drop function app_private.audit_seal(bytea, date, bigint, bytea);
drop function monitoring.enable_audit(regclass, text[], text[]);
drop function monitoring.disable_audit(regclass);
drop function public.audit_trigger_function();
drop function app_private.audit_write(
    oid, text, text, text, text[], record, record
);
drop function app_private.audit_changed_nulls(record, record, text[]);
drop function app_private.audit_redact(jsonb, text[]);
drop function app_private.audit_origin();
drop function app_private.audit_actor();
drop function app_private.inet_or_null(text);
drop function app_private.json_or_null(text);

drop table app_private.audit_seals;
drop table public.audit_logs;
drop table app_private.audit_settings;
drop function app_private.begin_audit_maintenance();
drop function app_private.guard_audit_logs();

drop type public.audit_operation;

-- As 001 left it.
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
end
$$;
