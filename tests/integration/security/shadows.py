"""What a hostile owner can put in the way of our SQL, and who stepped into it.

Everything that our statements name is created again, in schemas that come first on
the database's own search_path: functions and operators with the very signatures of
PostgreSQL's own and with closer ones, relations, types. Each reports its caller to
the server's log, which even a read-only transaction can write to.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import psycopg
from psycopg import sql

from monitor.postgres.throwaway import ThrowawayServer
from tests.statements import names, sent, shipped

Admin = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What our SQL names, without schemas."""

    functions: list[str]
    relations: list[str]
    types: list[str]
    operators: list[str]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of something hostile: what, by whom, with whose rights."""

    what: str
    current_user: str
    session_user: str
    is_superuser: bool

    @property
    def is_harmful(self) -> bool:
        """Say whether it ran as a superuser or as a role of pgvigil."""
        return self.is_superuser or self.current_user.startswith("pgvigil_")


@dataclass(frozen=True, slots=True)
class Spy:
    """Where hostile code reports to, by a word in the log that no other test has."""

    server: ThrowawayServer
    word: str = field(default_factory=lambda: f"spied_{secrets.token_hex(6)}")

    def calls(self) -> list[Call]:
        """Return every call so far."""
        pattern = rf"{self.word} what=(.*?) current=(\S+) session=(\S+) super=([tf])"
        return [
            Call(what, current, session, is_super == "t")
            for what, current, session, is_super in re.findall(pattern, self.server.log)
        ]

    async def install(self, admin: Admin) -> None:
        """Create `spies.spied(what)`, which everybody may call."""
        await admin.execute(
            sql.SQL(
                """
                create schema spies;
                create function spies.spied(what text) returns boolean
                language plpgsql volatile set search_path = pg_catalog as $spied$
                begin
                    raise log '% what=% current=% session=% super=%', {}, what,
                        current_user, session_user, (
                            select rolsuper from pg_roles where rolname = current_user
                        );
                    return true;
                end
                $spied$;
                grant usage on schema spies to public;
                """
            ).format(sql.Literal(self.word))
        )


@cache
def vocabulary() -> Vocabulary:
    """Return what the shipped SQL and the modules' statements name."""
    found = [names(text.tree) for text in [*shipped(), *sent()]]

    def last(paths: Iterable[tuple[str, ...]]) -> list[str]:
        return sorted({path[-1] for path in paths if path[0] != "monitoring"})

    return Vocabulary(
        functions=last(p for n in found for p in n.functions),
        relations=last(p for n in found for p in n.relations if len(p) > 1),
        types=last(p for n in found for p in n.types),
        operators=last(p for n in found for p in n.operators),
    )


# Polymorphic arguments stand in for those that PL/pgSQL cannot take.
_FUNCTIONS = """
do $do$
declare
    f record;
    words constant text[] := {functions};
    made integer := 0;
begin
    for f in
        select distinct
            p.proname,
            p.proretset,
            (
                select coalesce(string_agg(
                    replace(format_type(t.oid, null), '"any"', 'anyelement'), ', '
                    order by t.place
                ), '')
                from unnest(p.proargtypes) with ordinality as t (oid, place)
            ) as arguments,
            case
                when p.prorettype in ('record'::regtype, '"any"'::regtype) then 'text'
                else format_type(p.prorettype, null)
            end as result
        from pg_proc as p
        where p.proname = any (words) and p.pronamespace = 'pg_catalog'::regnamespace
    loop
        begin
            execute format(
                'create function {schema}.%I(%s) returns %s %s language plpgsql as '
                '$f$ begin perform spies.spied(%L); return%s; end $f$',
                f.proname, f.arguments, case when f.proretset then 'setof' else '' end,
                f.result, f.proname || '()',
                case when f.proretset or f.result = 'void' then '' else ' null' end
            );
            made := made + 1;
        exception when others then
            null;
        end;
    end loop;
    -- A version lacks some of the functions, and no more than that.
    if made < cardinality(words) then
        raise exception 'only % functions were made', made;
    end if;
end
$do$
"""

_OPERATORS = """
do $do$
declare
    o record;
    made integer := 0;
begin
    for o in
        select
            p.oprname as name,
            format_type(p.oprleft, null) as l,
            format_type(p.oprright, null) as r,
            format_type(p.oprresult, null) as result
        from pg_operator as p
        where p.oprname = any ({operators}) and p.oprleft <> 0
            and p.oprnamespace = 'pg_catalog'::regnamespace
        union
        select
            n.name,
            l.name,
            r.name,
            case
                when n.name in ('+', '-', '*', '/', '||', '->>') then 'text'
                else 'boolean'
            end
        from unnest({operators}::text[]) as n (name)
        cross join unnest({types}::text[]) as l (name)
        cross join unnest({types}::text[]) as r (name)
        where l.name <> r.name
    loop
        made := made + 1;
        begin
            execute format(
                'create function {schema}.operator_%s(%s, %s) returns %s '
                'language plpgsql as $f$ begin perform spies.spied(%L); return null; '
                'end $f$; '
                'create operator {schema}.%s (leftarg = %s, rightarg = %s, '
                'function = {schema}.operator_%s)',
                made, o.l, o.r, o.result, format('%s %s %s', o.l, o.name, o.r),
                o.name, o.l, o.r, made
            );
        exception when others then
            null;
        end;
    end loop;
end
$do$
"""

_CLOSER = [
    "name",
    "text",
    "oid",
    "xid",
    "bigint",
    "integer",
    "double precision",
    '"char"',
]


async def cast_shadows(admin: Admin, schema: str) -> None:
    """Create, as the current role, something for each word of the vocabulary."""
    words = vocabulary()
    parts = {
        "schema": sql.Identifier(schema),
        "functions": sql.Literal(words.functions),
        "operators": sql.Literal(words.operators),
        "types": sql.Literal(_CLOSER),
    }
    for template in (_FUNCTIONS, _OPERATORS):
        await admin.execute(sql.SQL(template).format(**parts))
    for name in words.types:
        await _attempt(
            admin,
            sql.SQL(
                "create domain {}.{} as pg_catalog.{} check (spies.spied({}))"
            ).format(
                parts["schema"],
                sql.Identifier(name),
                sql.Identifier(name),
                sql.Literal(f"type {name}"),
            ),
        )
    for name in words.relations:
        await _attempt(
            admin,
            sql.SQL(
                "create view {}.{} as select r.* from pg_catalog.{} as r"
                " where spies.spied({})"
            ).format(
                parts["schema"],
                sql.Identifier(name),
                sql.Identifier(name),
                sql.Literal(f"relation {name}"),
            ),
        )


# This version has no such relation or type, or a view cannot show a column of it.
_NOT_MADE = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidTableDefinition,
)


async def _attempt(admin: Admin, statement: sql.Composed) -> None:
    """Run a statement, unless it is about what cannot be shadowed here."""
    try:
        async with admin.transaction():
            await admin.execute(statement)
    except _NOT_MADE:
        pass
