-- What live tuples need by monitoring.planner_stats(), one row per table with statistics.
-- For tables whose statistics pg_stats hides. Runs only where that function is.
-- @interval sizes
-- @scope database
-- @lane side
select
    c.oid::bigint as oid,
    (
        pg_catalog.ceil(
            c.reltuples
            * (4 + 8 * pg_catalog.ceil((24 + t.width) / 8))
            / (pg_catalog.current_setting('block_size')::bigint - 24)
        )
        * pg_catalog.current_setting('block_size')::bigint
    )::bigint as estimated_bytes
from (
    select
        s.relid,
        pg_catalog.count(*) as columns,
        pg_catalog.sum((1 - s.null_frac) * s.avg_width) as width
    from monitoring.planner_stats(:'oids'::oid[]) as s
    where not s.inherited
    group by s.relid
) as t
inner join pg_catalog.pg_class as c on c.oid = t.relid
where c.reltuples >= 0
    and t.columns = (
        select pg_catalog.count(*)
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    )
