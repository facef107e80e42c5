"""The statements of the journal, `monitoring.actions`."""

from __future__ import annotations

from typing import LiteralString

from monitor.postgres import trust

_COLUMNS: LiteralString = """
    a.id,
    a.kind,
    a.target,
    a.datname,
    a.schemaname,
    a.objname,
    a.oid,
    a.mode,
    a.state,
    a.sql,
    a.undo_sql,
    a.definition,
    a.size_bytes,
    a.owner,
    a.lock,
    a.reason,
    a.evidence,
    a.finding_id,
    a.actor,
    a.epoch,
    a.detail,
    a.verified,
    a.created_at,
    a.updated_at
"""

ACCESS: LiteralString = (
    """
select
    t.oid is not null as exists,
    coalesce(m.owner, '') as owner,
    coalesce(m.is_trusted, false) as is_trusted,
    case
        when pg_catalog.pg_is_in_recovery() then false
        else coalesce(
            pg_catalog.has_schema_privilege(t.schema, 'usage')
            and pg_catalog.has_table_privilege(t.oid, 'select')
            and pg_catalog.has_table_privilege(t.oid, 'insert')
            and pg_catalog.has_table_privilege(t.oid, 'update'),
            false
        )
    end as writable
from
    (
        select
            (
                select c.oid
                from pg_catalog.pg_class as c
                join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
                where
                    n.nspname = 'monitoring'
                    and c.relname = 'actions'
                    and c.relkind = 'r'
            ) as oid,
            (
                select n.oid
                from pg_catalog.pg_namespace as n
                where n.nspname = 'monitoring'
            ) as schema
    ) as t
left join ("""  # noqa: S608 - all parts are constants
    + trust.MONITORING
    + ") as m on true"
)

INSERT: LiteralString = (
    """
insert into monitoring.actions as a (
    kind,
    target,
    datname,
    schemaname,
    objname,
    oid,
    mode,
    state,
    sql,
    undo_sql,
    definition,
    size_bytes,
    owner,
    lock,
    reason,
    evidence,
    finding_id,
    actor,
    epoch,
    expires_at
)
values (
    %(kind)s,
    %(target)s,
    %(datname)s,
    %(schemaname)s,
    %(objname)s,
    %(oid)s,
    %(mode)s,
    %(state)s,
    %(sql)s,
    %(undo_sql)s,
    %(definition)s,
    %(size_bytes)s,
    %(owner)s,
    %(lock)s,
    %(reason)s,
    %(evidence)s::jsonb,
    %(finding_id)s,
    %(actor)s,
    %(epoch)s,
    pg_catalog.now() + %(lifetime)s::interval
)
returning
"""
    + _COLUMNS
)

MOVE: LiteralString = (
    """
update monitoring.actions as a
set
    state = %(to)s,
    detail = coalesce(%(detail)s, a.detail),
    actor = coalesce(%(actor)s, a.actor),
    verified = a.verified || %(verified)s::jsonb,
    definition = coalesce(%(definition)s, a.definition),
    undo_sql = coalesce(%(undo_sql)s, a.undo_sql),
    updated_at = pg_catalog.clock_timestamp()
where
    a.id = %(id)s
    and a.state = %(from)s
returning
"""
    + _COLUMNS
)

GET: LiteralString = (
    "select" + _COLUMNS + "from monitoring.actions as a where a.id = %(id)s"
)

IN_STATES: LiteralString = (
    "select"
    + _COLUMNS
    + """
from monitoring.actions as a
where a.state = any(%(states)s)
order by a.id
"""
)

STANDING: LiteralString = (
    "select"
    + _COLUMNS
    + """
from monitoring.actions as a
where
    a.kind = %(kind)s
    and a.datname = %(datname)s
    and a.oid = %(oid)s
    and a.sql = %(sql)s
    and (
        a.state = any(%(unfinished)s)
        or (
            a.state in ('reported', 'rejected', 'needs_human')
            and a.updated_at > pg_catalog.now() - %(age)s::interval
        )
        or (
            a.state = 'done'
            and a.updated_at > pg_catalog.now() - %(settling)s::interval
        )
    )
order by a.id desc
limit 1
"""
)

RECENT: LiteralString = (
    "select"
    + _COLUMNS
    + """
from monitoring.actions as a
where a.updated_at > pg_catalog.now() - %(age)s::interval
order by a.id desc
limit 1000
"""
)

EXPIRE: LiteralString = (
    """
update monitoring.actions as a
set
    state = 'expired',
    detail = 'It waited too long.',
    updated_at = pg_catalog.clock_timestamp()
where
    a.state in ('proposed', 'awaiting_approval', 'approved')
    and a.expires_at < pg_catalog.now()
returning
"""
    + _COLUMNS
)
