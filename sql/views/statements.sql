-- Recorded statements of this database, whatever schema and version the extension has.
-- Dynamic on purpose: a view on pg_stat_statements would keep the extension from being
-- updated or dropped, and could not be made where it is missing. Then there are no rows
-- and a notice says why; where texts cannot be read, query is NULL. Times are in
-- milliseconds.

create or replace function monitoring.statements()
returns table (
    queryid bigint,
    username name,
    query text,
    calls bigint,
    total_exec_time double precision,
    mean_exec_time double precision,
    stddev_exec_time double precision,
    rows bigint,
    shared_blks_hit bigint,
    shared_blks_read bigint,
    local_blks_read bigint,
    local_blks_written bigint,
    temp_blks_read bigint,
    temp_blks_written bigint,
    wal_bytes numeric
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    extension_schema name;
    extension_version integer[];
    source text := 'pg_stat_statements';
begin
    select
        n.nspname,
        pg_catalog.string_to_array(e.extversion, '.')::integer[]
    into
        extension_schema,
        extension_version
    from pg_catalog.pg_extension as e
    join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements';

    if extension_schema is null then
        raise notice 'extension "pg_stat_statements" is not installed in database "%"',
            pg_catalog.current_database()
            using hint = 'A superuser runs: CREATE EXTENSION pg_stat_statements;';
        return;
    end if;
    if extension_version < array[1, 8] then
        raise notice 'extension "pg_stat_statements" is older than 1.8'
            using hint = 'Run: ALTER EXTENSION pg_stat_statements UPDATE;';
        return;
    end if;

    while source is not null loop
        begin
            for
                queryid,
                username,
                query,
                calls,
                total_exec_time,
                mean_exec_time,
                stddev_exec_time,
                rows,
                shared_blks_hit,
                shared_blks_read,
                local_blks_read,
                local_blks_written,
                temp_blks_read,
                temp_blks_written,
                wal_bytes
            in execute pg_catalog.format(
                'select s.queryid, r.rolname, s.query, s.calls, s.total_exec_time, '
                's.mean_exec_time, s.stddev_exec_time, s.rows, s.shared_blks_hit, '
                's.shared_blks_read, s.local_blks_read, s.local_blks_written, '
                's.temp_blks_read, s.temp_blks_written, s.wal_bytes '
                'from %I.%s as s '
                'join pg_catalog.pg_database as d on d.oid = s.dbid '
                'left join pg_catalog.pg_roles as r on r.oid = s.userid '
                'where d.datname = pg_catalog.current_database() and %s '
                'and (r.rolname is null or r.rolname <> all ($1))',
                extension_schema,
                source,
                case when extension_version >= array[1, 9] then 's.toplevel' else 'true' end
            )
            using array[
                'pgvigil_reader',
                'pgvigil_maintainer',
                'pgvigil_ddl',
                'pgvigil_probe',
                'pgvigil_bypass'
            ]::name[]
            loop
                return next;
            end loop;
            source := null;
        exception
            -- One text that is not valid here, from another database, fails them all.
            when character_not_in_repertoire or untranslatable_character then
                if source = 'pg_stat_statements(false)' then
                    raise;
                end if;
                raise notice 'a text is not valid in the encoding of database "%"',
                    pg_catalog.current_database()
                    using detail = 'Statements are shown without their texts.';
                source := 'pg_stat_statements(false)';
        end;
    end loop;
exception
    when object_not_in_prerequisite_state then
        raise notice 'library "pg_stat_statements" is not loaded'
            using hint = 'Add it to shared_preload_libraries and restart the server.';
end
$body$;

comment on function monitoring.statements() is
    'Recorded statements of this database, whatever schema and version the extension has.';
