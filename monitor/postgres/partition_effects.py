"""What an action on partitions should have changed, and what may forbid it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, LiteralString

from monitor.model.action import Action
from monitor.postgres.acting import fetch_one
from monitor.postgres.effects import Facts, Judgement, Outcome
from monitor.postgres.export_proof import about_export
from monitor.postgres.precheck_facts import Objection
from monitor.postgres.session import Session

PARTITIONING = frozenset(
    {"create_partition", "move_default_rows", "detach_partition", "drop_partition"}
)

Whereabouts = Literal["attached", "detached", "gone"]

_PARTITION: LiteralString = """
select
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_inherits as i
        where i.inhparent = %(parent)s::oid
    ) as partitions,
    case
        when c.oid is null then 'gone'
        when exists (
            select 1
            from pg_catalog.pg_inherits as i
            where i.inhrelid = c.oid and i.inhparent = %(parent)s::oid
        ) then 'attached'
        else 'detached'
    end as whereabouts
from (values (1)) as one (row)
left join (
    select c.oid
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'app_partitions' and c.relname = %(child)s::name
) as c on true
"""

_PROCEDURES: LiteralString = """
select
    t.relkind = 'p'
    and exists (
        select 1
        from pg_catalog.pg_partitioned_table as p
        join pg_catalog.pg_class as d on d.oid = p.partdefid
        join pg_catalog.pg_namespace as n on n.oid = d.relnamespace
        where p.partrelid = t.oid and n.nspname = 'app_partitions'
    ) as is_ours,
    coalesce(
        (
            select
                pg_catalog.bool_and(f.proowner = t.relowner)
                and (
                    r.rolsuper
                    or r.rolbypassrls
                    or r.rolname in ('pgvigil_owner', session_user)
                )
            from pg_catalog.pg_proc as f
            join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
            where n.nspname = 'app_private' and n.nspowner = t.relowner
        ),
        false
    ) as is_trusted,
    exists (
        select 1
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'partman' and c.relname = 'part_config'
    )
    or exists (
        select 1
        from pg_catalog.pg_extension as e
        where e.extname = 'pg_partman'
    ) as has_partman
from pg_catalog.pg_class as t
join pg_catalog.pg_roles as r on r.oid = t.relowner
where t.oid = %(parent)s::oid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Partition:
    partitions: int
    whereabouts: Whereabouts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Procedures:
    is_ours: bool
    is_trusted: bool
    has_partman: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The partition of a month is where it should be."""

    parent: int
    child: str
    wanted: Whereabouts

    async def before(self, session: Session) -> Facts:
        """Return where it is."""
        found = await _look(session, self.parent, self.child)
        return {"partition before": found.whereabouts}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Look for it by its name; each statement moves it wholly or not at all."""
        del noted
        found = await _look(session, self.parent, self.child)
        outcome = (
            Outcome.DONE if found.whereabouts == self.wanted else Outcome.UNCHANGED
        )
        return Judgement(outcome=outcome, facts={"partition": found.whereabouts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A table has more partitions than before, for rows of its default one."""

    parent: int

    async def before(self, session: Session) -> Facts:
        """Return how many there are."""
        found = await _look(session, self.parent, "")
        return {"partitions before": str(found.partitions)}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Count them again; each one was filled in the transaction that made it."""
        found = await _look(session, self.parent, "")
        added = found.partitions - int(noted.get("partitions before", "0"))
        outcome = Outcome.DONE if added > 0 else Outcome.UNCHANGED
        return Judgement(outcome=outcome, facts={"partitions added": str(added)})


async def _look(session: Session, parent: int, child: str) -> _Partition:
    found = await fetch_one(
        session,
        "look at partitions",
        _PARTITION,
        {"parent": parent, "child": child},
        _Partition,
    )
    return found or _Partition(partitions=0, whereabouts="gone")


async def about_partitions(session: Session, action: Action) -> list[Objection]:
    """Return why the platform's procedures are not called for a table.

    Raises:
        TargetError: it cannot be read; then nothing may be done.
    """
    found = await fetch_one(
        session,
        "look at the platform's procedures",
        _PROCEDURES,
        {"parent": action.oid},
        _Procedures,
    )
    objections = list(_objections(found)) if found else []
    if not objections and action.kind == "drop_partition":
        objections += await about_export(session, action)
    return objections


def _objections(found: _Procedures) -> Iterator[Objection]:
    if not found.is_ours:
        yield Objection(
            "not_platform", "The platform does not look after it.", is_final=True
        )
    if not found.is_trusted:
        # A procedure can reset the role and go on with all that ours may do.
        reason = (
            "The procedures in app_private belong to a role that is no administrator."
        )
        yield Objection("untrusted", reason)
    if found.has_partman:
        yield Objection("partman", "pg_partman is installed.", is_final=True)
