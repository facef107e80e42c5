"""The questions that are asked right before acting."""

from __future__ import annotations

from typing import LiteralString

SERVER: LiteralString = """
select
    pg_catalog.pg_is_in_recovery() as is_standby,
    coalesce(
        (
            select pg_catalog.bool_or(r.rolsuper)
            from pg_catalog.pg_roles as r
            where r.rolname in (session_user, current_user)
        ),
        true
    ) as is_superuser,
    case
        when pg_catalog.pg_is_in_recovery() then ''
        else pg_catalog.substr(
            pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8
        )
    end as epoch
"""
"""The epoch is the WAL file's timeline: it changes when a standby takes over."""

TABLE: LiteralString = """
select
    c.oid,
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind::text as kind,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
    pg_catalog.pg_has_role(c.relowner, 'usage') as may_act,
    case
        when v.num >= 170000
            then pg_catalog.has_table_privilege(c.oid, 'maintain')
        else false
    end as may_maintain,
    case
        when v.num >= 160000 then pg_catalog.pg_has_role(c.relowner, 'set')
        else pg_catalog.pg_has_role(c.relowner, 'member')
    end as may_become_owner,
    pg_catalog.has_schema_privilege(
        case
            when pg_catalog.pg_has_role(c.relowner, 'usage') then current_user
            else pg_catalog.pg_get_userbyid(c.relowner)
        end,
        n.oid,
        'create'
    ) as may_create,
    exists (
        select 1
        from pg_catalog.pg_class as other
        where
            other.relnamespace = c.relnamespace
            and other.relname = %(new_name)s::name
    ) as name_is_taken
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join (
    select pg_catalog.current_setting('server_version_num')::integer as num
) as v
where c.oid = %(oid)s::oid
"""

INDEX: LiteralString = """
select
    c.oid,
    i.indrelid as relid,
    n.nspname::text as schema,
    c.relname::text as name,
    pg_catalog.pg_get_indexdef(c.oid) as definition,
    i.indisvalid as is_valid,
    (
        i.indisprimary
        or i.indisexclusion
        or i.indisreplident
        or i.indisclustered
        or c.relkind <> 'i'
        or exists (
            select 1
            from pg_catalog.pg_constraint as k
            where k.conindid = c.oid
        )
        or exists (
            select 1
            from pg_catalog.pg_inherits as h
            where h.inhrelid = c.oid
        )
        or exists (
            select 1
            from pg_catalog.pg_depend as d
            where
                d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                and d.objid = c.oid
                and d.deptype in ('e', 'x')
        )
    ) as is_protected,
    (
        (i.indisunique and i.indisready)
        or i.indexprs is not null
        or exists (
            select 1
            from pg_catalog.pg_constraint as k
            where
                k.contype = 'f'
                and k.conrelid = i.indrelid
                and k.conkey @> (i.indkey::int2[])[
                    0:pg_catalog.cardinality(k.conkey) - 1
                ]
                and k.conkey <@ (i.indkey::int2[])[
                    0:pg_catalog.cardinality(k.conkey) - 1
                ]
                and not exists (
                    select 1
                    from pg_catalog.pg_index as o
                    where
                        o.indrelid = i.indrelid
                        and o.indexrelid <> i.indexrelid
                        and o.indisvalid
                        and o.indpred is null
                        and o.indnkeyatts >= pg_catalog.cardinality(k.conkey)
                        and k.conkey @> (o.indkey::int2[])[
                            0:pg_catalog.cardinality(k.conkey) - 1
                        ]
                        and k.conkey <@ (o.indkey::int2[])[
                            0:pg_catalog.cardinality(k.conkey) - 1
                        ]
                )
        )
    ) as is_needed,
    (
        c.reltablespace = 0
        and not exists (
            select 1
            from pg_catalog.pg_attribute as a
            where
                a.attrelid = c.oid
                and coalesce(a.attstattarget, -1) >= 0
        )
    ) as is_rebuilt_fully,
    exists (
        select 1
        from pg_catalog.pg_index as o
        where
            o.indexrelid = %(covering)s::oid
            and o.indexrelid <> i.indexrelid
            and o.indrelid = i.indrelid
            and o.indisvalid
            and o.indisready
    ) as covering_is_valid,
    coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') as comment
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where i.indexrelid = %(oid)s::oid
"""

HOLDERS: LiteralString = """
select
    l.virtualtransaction as transaction,
    l.mode
from pg_catalog.pg_locks as l
where
    l.locktype = 'relation'
    and l.granted
    and l.relation = %(relid)s::oid
    and l.database = (
        select d.oid
        from pg_catalog.pg_database as d
        where d.datname = pg_catalog.current_database()
    )
    and l.pid is distinct from pg_catalog.pg_backend_pid()
"""
"""Who holds a lock on the table; visible to every role, unlike pg_stat_activity."""

OLD_SNAPSHOTS: LiteralString = """
select
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_stat_activity as a
        where
            a.datname = pg_catalog.current_database()
            and a.pid <> pg_catalog.pg_backend_pid()
            and a.backend_xmin is not null
            and a.xact_start
                < pg_catalog.clock_timestamp() - %(age)s::interval
    ) + (
        select pg_catalog.count(*)
        from pg_catalog.pg_prepared_xacts as p
        where
            p.database = pg_catalog.current_database()
            and p.prepared < pg_catalog.clock_timestamp() - %(age)s::interval
    ) as transactions,
    pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as are_visible
"""
"""Other roles' transactions show their age to members of pg_read_all_stats only."""
