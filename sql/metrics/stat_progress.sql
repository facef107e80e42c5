-- Progress of long commands, one row per command, database and phase.
-- Server 14 brought COPY.
-- @interval 15s
select
    p.command as command,                          -- Command.
    coalesce(p.datname, '') as datname,            -- Database, empty for a base backup.
    coalesce(p.phase, '') as phase,                -- Phase the command is in.
    pg_catalog.count(*) as backends,               -- Backends at work.
    pg_catalog.min(p.done::double precision / nullif(p.total, 0)) as min_done_ratio  -- Share done of the one that has got least far in this phase.
from (
    select
        'vacuum' as command,
        v.datname::text as datname,
        v.phase as phase,
        v.heap_blks_scanned as done,
        v.heap_blks_total as total
    from pg_catalog.pg_stat_progress_vacuum as v
    union all
    select
        'analyze',
        a.datname::text,
        a.phase,
        a.sample_blks_scanned,
        a.sample_blks_total
    from pg_catalog.pg_stat_progress_analyze as a
    union all
    select
        pg_catalog.lower(i.command),
        i.datname::text,
        i.phase,
        i.blocks_done,
        i.blocks_total
    from pg_catalog.pg_stat_progress_create_index as i
    union all
    select
        pg_catalog.lower(c.command),
        c.datname::text,
        c.phase,
        c.heap_blks_scanned,
        c.heap_blks_total
    from pg_catalog.pg_stat_progress_cluster as c
    union all
    select
        'base backup',
        '',
        b.phase,
        b.backup_streamed,
        b.backup_total
    from pg_catalog.pg_stat_progress_basebackup as b
) as p
group by
    p.command,
    coalesce(p.datname, ''),
    coalesce(p.phase, '')
