"""What has to hold of a table before its policies are timed."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.rls import Guarded
from monitor.postgres.request import Request
from monitor.postgres.session import Session
from monitor.probes import transaction
from monitor.probes.transaction import Failure, Guise


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """A table as one side of a probe meets it.

    `is_active` says that policies bind this side. `hazard` is a function that
    planning may run with this side's rights. Source: pg_class, pg_depend.
    """

    schemaname: str
    relname: str
    kind: str
    is_active: bool
    hazard: str | None


# Planning any statement on a table folds the constants of its indexes', statistics'
# and partition keys' expressions: `f(1)` of a function that claims to be immutable
# runs with the rights of whoever plans. A superuser's functions, among them those of
# nearly all extensions, are trusted; another owner's are not, on the side that sees
# all rows.
_SUBJECT = """
    with recursive family (oid) as (
        select %(relid)s::oid
        union
        select i.inhrelid
        from family as f
        inner join pg_catalog.pg_inherits as i on i.inhparent = f.oid
    ),

    objects (classid, objid) as (
        select 'pg_catalog.pg_class'::regclass, f.oid
        from family as f
        union all
        select 'pg_catalog.pg_class'::regclass, i.indexrelid
        from family as f
        inner join pg_catalog.pg_index as i on i.indrelid = f.oid
        union all
        select 'pg_catalog.pg_statistic_ext'::regclass, s.oid
        from family as f
        inner join pg_catalog.pg_statistic_ext as s on s.stxrelid = f.oid
    ),

    called (oid) as (
        select coalesce(o.oprcode::oid, d.refobjid)
        from objects as b
        inner join pg_catalog.pg_depend as d
            on d.classid = b.classid and d.objid = b.objid
        left join pg_catalog.pg_operator as o
            on o.oid = d.refobjid
                and d.refclassid = 'pg_catalog.pg_operator'::regclass
        where d.refclassid in (
            'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass
        )
    )

    select
        n.nspname::text as schemaname,
        c.relname::text as relname,
        c.relkind::text as kind,
        pg_catalog.row_security_active(c.oid) as is_active,
        (
            select p.proname::text
            from called as d
            inner join pg_catalog.pg_proc as p on p.oid = d.oid
            inner join pg_catalog.pg_roles as r on r.oid = p.proowner
            where not r.rolsuper
            order by 1
            limit 1
        ) as hazard
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = %(relid)s
"""


async def examine(
    probe: Session,
    persona: Guise,
    bypass: Session,
    bypassing: Guise,
    table: Guarded,
    *,
    seconds: float,
) -> SubjectRow | Failure:
    """Return a table as the persona meets it, or why it cannot be timed."""
    bound = await _read(probe, persona, table, seconds)
    if isinstance(bound, Failure):
        return bound
    free = await _read(bypass, bypassing, table, seconds)
    if isinstance(free, Failure):
        return free
    return _unfit(bound, free, table) or bound


def _unfit(bound: SubjectRow, free: SubjectRow, table: Guarded) -> Failure | None:
    if (bound.schemaname, bound.relname) != (table.schemaname, table.relname):
        return Failure("skipped", "the table has another name by now")
    if bound.kind not in ("r", "p"):
        return Failure("skipped", "only tables can be sampled")
    if not bound.is_active:
        return Failure("skipped", f'no policy binds role "{table.role}"')
    if free.is_active:
        return Failure("no_privilege", "policies bind the bypass login, too")
    if free.hazard:
        return Failure(
            "skipped",
            f'planning could run "{free.hazard}" with the bypass login\'s rights:'
            " an index, statistics object or partition key calls it",
        )
    return None


async def _read(
    session: Session, guise: Guise, table: Guarded, seconds: float
) -> SubjectRow | Failure:
    request = Request(
        name="probe_subject",
        sql=_SUBJECT,
        parameters={"relid": table.relid},
        row=SubjectRow,
    )
    reply = await transaction.run(session, guise, request, seconds=seconds)
    if isinstance(reply, Failure):
        return reply
    rows = [row for row in reply.rows if isinstance(row, SubjectRow)]
    return rows[0] if rows else Failure("skipped", "the table is gone")
