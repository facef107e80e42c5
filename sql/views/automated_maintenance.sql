-- The VACUUM and ANALYZE commands that these thresholds call for, the most useful first.
-- A planner: it changes nothing, because VACUUM cannot run inside a function. Current
-- counters are judged, not cumulative ones, so what was done is not asked for again.
-- `obstacle` says why a command would do nothing now; then run it later.

create or replace function monitoring.automated_maintenance(
    analyze_threshold integer default 1000,
    vacuum_threshold integer default 5000,
    dead_ratio numeric default 0.1,
    old_transaction interval default '5 minutes'
)
returns table (
    schemaname text,
    tablename text,
    command text,
    reason text,
    obstacle text,
    n_dead_tup bigint,
    n_mod_since_analyze bigint
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $body$
    with judged as (
        select
            n.nspname as nspname,
            c.relname as relname,
            s.relid as relid,
            s.n_live_tup as live,
            s.n_dead_tup as dead,
            s.n_mod_since_analyze as changed,
            s.n_dead_tup > vacuum_threshold
            and s.n_dead_tup > dead_ratio * (s.n_live_tup + s.n_dead_tup) as wants_vacuum,
            s.n_mod_since_analyze > analyze_threshold
            -- A thousand changes in a hundred million rows change no plan.
            and s.n_mod_since_analyze >= 0.01 * s.n_live_tup as wants_analyze
        from monitoring.table_statistics as s
        join pg_catalog.pg_class as c on c.oid = s.relid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where
            c.relkind in ('r', 'm')
            and c.relpersistence <> 't'
            and not pg_catalog.pg_is_in_recovery()
    ),

    holder as (
        select pg_catalog.min(a.pid) as pid
        from pg_catalog.pg_stat_activity as a
        where
            a.backend_xmin is not null
            and a.xact_start < pg_catalog.now() - old_transaction
            and a.pid <> pg_catalog.pg_backend_pid()
    )

    select
        j.nspname::text,
        j.relname::text,
        pg_catalog.format(
            case
                when j.wants_vacuum and j.wants_analyze
                    then 'VACUUM (SKIP_LOCKED, TRUNCATE false, ANALYZE) %I.%I;'
                when j.wants_vacuum
                    then 'VACUUM (SKIP_LOCKED, TRUNCATE false) %I.%I;'
                else 'ANALYZE (SKIP_LOCKED) %I.%I;'
            end,
            j.nspname,
            j.relname
        )::text,
        pg_catalog.concat_ws(
            ', ',
            case
                when j.wants_vacuum
                    then
                        pg_catalog.format(
                            '%s dead of %s rows',
                            j.dead,
                            j.live + j.dead
                        )
            end,
            case
                when j.wants_analyze
                    then pg_catalog.format('%s rows changed since ANALYZE', j.changed)
            end
        )::text,
        case
            when p.pid is not null
                then pg_catalog.format('process %s vacuums it already', p.pid)
            when j.wants_vacuum and h.pid is not null
                then
                    pg_catalog.format(
                        'a transaction of process %s, older than %s, keeps dead '
                        'rows in place',
                        h.pid,
                        old_transaction
                    )
        end::text,
        j.dead::bigint,
        j.changed::bigint
    from judged as j
    cross join holder as h
    left join pg_catalog.pg_stat_progress_vacuum as p
        on p.relid = j.relid and p.datname = pg_catalog.current_database()
    where j.wants_vacuum or j.wants_analyze
    order by
        j.wants_vacuum desc,
        j.dead desc,
        j.changed desc
$body$;

comment on function monitoring.automated_maintenance(integer, integer, numeric, interval) is
    'The VACUUM and ANALYZE commands that these thresholds call for, the most useful first.';
