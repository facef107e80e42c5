"""What a script would destroy: found by running it, then rolling it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

_COUNTED = 10_000
_SNAPSHOT = """
select
    case c.relkind
        when 'r' then 'table'
        when 'p' then 'table'
        when 'v' then 'view'
        when 'm' then 'materialized view'
        when 'S' then 'sequence'
        when 'f' then 'foreign table'
        else 'index'
    end as kind,
    n.nspname::text as schemaname,
    c.relname::text as name,
    '' as part,
    c.oid::bigint as identity,
    0 as number
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
    and n.nspname not like 'pg\\_%'
union all
select
    'column',
    n.nspname::text,
    c.relname::text,
    a.attname::text,
    c.oid::bigint,
    a.attnum
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where
    c.relkind in ('r', 'p', 'f')
    and a.attnum > 0
    and not a.attisdropped
    and n.nspname not like 'pg\\_%'
union all
select
    'function',
    n.nspname::text,
    p.proname::text,
    '',
    p.oid::bigint,
    -1
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname not like 'pg\\_%'
union all
select
    'type',
    n.nspname::text,
    t.typname::text,
    '',
    t.oid::bigint,
    -2
from pg_catalog.pg_type as t
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
where t.typtype in ('d', 'e', 'r') and n.nspname not like 'pg\\_%'
order by 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object, or a column of one; its place in the catalogs identifies it."""

    kind: str
    schemaname: str
    name: str
    part: str
    identity: int
    number: int


class Losses:
    """Compares the catalogs before and after a script within one transaction."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._before: tuple[Thing, ...] = ()
        self._lost: tuple[Thing, ...] = ()

    async def begin(self) -> None:
        """Note what there is."""
        self._before = await self._things()

    async def end(self) -> None:
        """Note what is gone; columns of lost tables are not told apart."""
        after = {(t.identity, t.number) for t in await self._things()}
        gone = [t for t in self._before if (t.identity, t.number) not in after]
        relations = {t.identity for t in gone if t.number == 0}
        self._lost = tuple(
            t for t in gone if t.kind != "column" or t.identity not in relations
        )

    async def describe(self) -> tuple[str, ...]:
        """Return one phrase per object, after the rollback; tables with their rows."""
        return tuple([await self._phrase(thing) for thing in self._lost])

    async def _things(self) -> tuple[Thing, ...]:
        async with self._connection.cursor(row_factory=class_row(Thing)) as cursor:
            return tuple(await (await cursor.execute(_SNAPSHOT)).fetchall())

    async def _phrase(self, thing: Thing) -> str:
        name = ".".join(filter(None, (thing.schemaname, thing.name, thing.part)))
        if thing.kind != "table":
            return f'{thing.kind} "{name}"'
        return f'table "{name}" with {await self._rows(thing)}'

    async def _rows(self, thing: Thing) -> str:
        query = sql.SQL(
            "select pg_catalog.count(*) from (select from {} limit {}) as t"
        ).format(
            sql.Identifier(thing.schemaname, thing.name), sql.Literal(_COUNTED + 1)
        )
        try:
            async with self._connection.transaction():
                row = await (await self._connection.execute(query)).fetchone()
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.LockNotAvailable,
        ):
            return "rows that cannot be counted"
        count = 0 if row is None else int(row[0])
        if count > _COUNTED:
            return f"more than {_COUNTED} rows"
        return f"{count} row{'' if count == 1 else 's'}"
