-- Indexes to create, with the statement for each, as the daemon advised last; its
-- counts of scans are per day.
-- Without a daemon: foreign keys that no index supports, on tables of at least 1000
-- rows that were scanned as often and as far as the arguments say; counters since the
-- last reset. The server names the index, so the name is valid and free.
-- @scope control

create or replace function monitoring.suggest_missing_indexes(
    min_seq_scan bigint default 1000,
    min_rows_read bigint default 100000
)
returns table (
    table_name text,
    column_name text,
    seq_scan_count bigint,
    rows_read bigint,
    suggested_index text,
    potential_improvement text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('advice');
begin
    if reporter is not null then
        return query
        select
            a.table_name::text,
            pg_catalog.array_to_string(a.column_names, ', ')::text,
            a.seq_scan::bigint,
            a.seq_tup_read::bigint,
            a.statement::text,
            a.potential_improvement::text
        from (
            -- A foreign key and a predicate may ask for the same index.
            select distinct on (d.table_name, d.column_names)
                d.table_name as table_name,
                d.column_names as column_names,
                d.seq_scan as seq_scan,
                d.seq_tup_read as seq_tup_read,
                d.statement as statement,
                d.potential_improvement as potential_improvement
            from monitoring.advice as d
            where
                d.target = reporter
                and d.datname = pg_catalog.current_database()
                and d.state = 'open'
            order by
                d.table_name,
                d.column_names,
                d.seq_tup_read desc nulls last
        ) as a
        order by
            a.seq_tup_read desc nulls last,
            a.table_name,
            a.column_names;
        return;
    end if;

    return query
    with scanned as (
        select
            s.root,
            pg_catalog.sum(s.seq_scan)::bigint as seq_scan,
            pg_catalog.sum(s.seq_tup_read)::bigint as seq_tup_read,
            pg_catalog.sum(greatest(c.reltuples, 0)) as reltuples
        from monitoring.table_statistics as s
        join pg_catalog.pg_class as c on c.oid = s.relid
        group by s.root
    )

    select
        pg_catalog.format('%I.%I', n.nspname, c.relname)::text,
        pg_catalog.string_agg(a.attname::text, ', ' order by key.place)::text,
        s.seq_scan::bigint,
        s.seq_tup_read::bigint,
        pg_catalog.format(
            case
                -- CONCURRENTLY is not possible on the parent of partitions.
                when c.relkind = 'p' then 'CREATE INDEX ON %I.%I (%s);'
                else 'CREATE INDEX CONCURRENTLY ON %I.%I (%s);'
            end,
            n.nspname,
            c.relname,
            pg_catalog.string_agg(
                pg_catalog.quote_ident(a.attname::text),
                ', '
                order by key.place
            )
        )::text,
        'not costed; no daemon reports: from the catalogs alone'::text
    from pg_catalog.pg_constraint as k
    join pg_catalog.pg_class as c on c.oid = k.conrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join scanned as s on s.root = c.oid
    cross join lateral pg_catalog.unnest(k.conkey) with ordinality as key (attnum, place)
    join pg_catalog.pg_attribute as a
        on a.attrelid = k.conrelid and a.attnum = key.attnum
    where
        k.contype = 'f'
        and k.conparentid = 0::oid
        and s.seq_scan >= min_seq_scan
        and s.seq_tup_read >= min_rows_read
        and s.reltuples >= 1000
        and not exists (
            select
            from monitoring.index_facts as i
            where
                i.indrelid = k.conrelid
                and i.is_valid
                and i.supports_foreign_key
                and i.key_columns[1:pg_catalog.cardinality(k.conkey)] @> k.conkey
        )
    group by
        k.oid,
        n.nspname,
        c.relname,
        c.relkind,
        s.seq_scan,
        s.seq_tup_read
    order by
        s.seq_tup_read desc,
        k.oid;
end
$body$;

comment on function monitoring.suggest_missing_indexes(bigint, bigint) is
    'Indexes to create, with the statement for each, as the daemon advised last.';
