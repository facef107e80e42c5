-- How often the system catalogs were written to: an unchanged count spares reading
-- a large catalog. It arrives late on 13 and 14 and never moves on a standby.
-- @interval catalog
-- @scope database
-- @lane side
select
    pg_catalog.pg_is_in_recovery() as is_standby,
    pg_catalog.sum(
        pg_catalog.pg_stat_get_tuples_inserted(t.oid)
        + pg_catalog.pg_stat_get_tuples_updated(t.oid)
        + pg_catalog.pg_stat_get_tuples_deleted(t.oid)
    )::bigint as writes
from pg_catalog.unnest(
    array[
        'pg_catalog.pg_attribute'::regclass,
        'pg_catalog.pg_authid'::regclass,
        'pg_catalog.pg_class'::regclass,
        'pg_catalog.pg_constraint'::regclass,
        'pg_catalog.pg_description'::regclass,
        'pg_catalog.pg_extension'::regclass,
        'pg_catalog.pg_index'::regclass,
        'pg_catalog.pg_inherits'::regclass,
        'pg_catalog.pg_namespace'::regclass,
        'pg_catalog.pg_policy'::regclass
    ]::oid[]
) as t (oid)
