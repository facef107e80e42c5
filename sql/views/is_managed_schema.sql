-- Whether a schema belongs to the system or to the platform rather than to the application.

create or replace function monitoring.is_managed_schema(schemaname name)
returns boolean
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $body$
    select
        schemaname::text like 'pg\_%'
        or schemaname = any (
            array[
                'information_schema',
                'auth',
                'cron',
                'extensions',
                'graphql',
                'graphql_public',
                'monitoring',
                'net',
                'pgbouncer',
                'pgsodium',
                'pgsodium_masks',
                'realtime',
                'storage',
                'supabase_functions',
                'supabase_migrations',
                'vault'
            ]::name[]
        )
$body$;

comment on function monitoring.is_managed_schema(name) is
    'Whether a schema belongs to the system or to the platform rather than to the application.';
