-- How far sequences are from their end, one row per sequence that has been used.
-- Reading a sequence takes its lock, so those that an ALTER holds are left out;
-- those the role may not read are unknown to it. The end is where the column
-- that owns the sequence overflows, if that comes first.
-- @interval catalog
-- @scope database
-- @lane side
select
    u.schemaname as schemaname,      -- Schema of the sequence.
    u.sequencename as sequencename,  -- Sequence.
    u.tablename as tablename,
    u.columnname as columnname,
    u.data_type as data_type,
    u.last_value as last_value,
    u.limit_value as limit_value,
    case
        when u.is_ascending
            then (u.last_value::double precision - u.min_value) / greatest(u.limit_value::double precision - u.min_value, 1)
        else (u.max_value::double precision - u.last_value) / greatest(u.max_value::double precision - u.limit_value, 1)
    end as used_ratio                -- Share of its values that the sequence has used.
from (
    select
        n.nspname::text as schemaname,
        c.relname::text as sequencename,
        coalesce(t.relname::text, '') as tablename,
        coalesce(a.attname::text, '') as columnname,
        pg_catalog.format_type(coalesce(a.atttypid, s.seqtypid), null) as data_type,
        s.seqincrement > 0 as is_ascending,
        s.seqmin as min_value,
        s.seqmax as max_value,
        case
            when s.seqincrement > 0 then least(s.seqmax, b.upper)
            else greatest(s.seqmin, b.lower)
        end as limit_value,
        pg_catalog.pg_sequence_last_value(s.seqrelid::regclass) as last_value
    from pg_catalog.pg_sequence as s
    inner join pg_catalog.pg_class as c on c.oid = s.seqrelid
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = s.seqrelid
        and d.objsubid = 0
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.deptype in ('a', 'i')
    left join pg_catalog.pg_class as t on t.oid = d.refobjid
    left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    cross join lateral (
        select
            case coalesce(a.atttypid, s.seqtypid)
                when 'pg_catalog.int2'::regtype then 32767
                when 'pg_catalog.int4'::regtype then 2147483647
                else 9223372036854775807
            end as upper,
            case coalesce(a.atttypid, s.seqtypid)
                when 'pg_catalog.int2'::regtype then -32768
                when 'pg_catalog.int4'::regtype then -2147483648
                else -9223372036854775808
            end as lower
    ) as b
    where not s.seqcycle
        and c.relpersistence = 'p'
        and pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, SELECT')
        and not exists (
            select
            from pg_catalog.pg_locks as l
            where l.locktype = 'relation'
                and l.relation = s.seqrelid
                and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        )
    offset 0
) as u
where u.last_value is not null
