"""Statements of every kind with the tables whose policies each of them evaluates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from tests.integration.postgres.schema import ensure_role

Admin = psycopg.AsyncConnection[TupleRow]

USER, GUEST, SERVICE = "rls_user", "rls_guest", "rls_service"
OWNER, DEPUTY, KEEPER = "rls_owner", "rls_deputy", "rls_keeper"

ROLES = {
    USER: "nologin",
    GUEST: "nologin",
    SERVICE: "nologin bypassrls",
    OWNER: "nologin",
    DEPUTY: "nologin",
    KEEPER: "nologin",
}

SCHEMA = """
create schema archive;
create table notes (id integer primary key, owner_name text, body text);
create table teams (id integer primary key, name text);
create table members (team integer, name text);
create table ledger (id integer, amount integer);
create table log (id integer, notes text);
create table archive.notes (id integer);
create table archive.secrets (id integer);
create table events (id integer, kind text) partition by list (kind);
create table events_login partition of events for values in ('login');
create table events_other partition of events default;

create function is_member(wanted integer) returns boolean
language plpgsql stable security definer set search_path = public as $$
begin
    return exists (select 1 from members as m where m.team = wanted);
end $$;
create function list_notes() returns setof notes language sql stable
as 'select * from notes';
create function note_count() returns bigint language sql stable
as 'select count(*) from notes';
create function list_as_owner() returns setof notes language sql stable
    security definer set search_path = public as 'select * from notes';
create function list_as_keeper() returns setof notes language sql stable
    security definer set search_path = public as 'select * from notes';
create function count_notes() returns bigint language plpgsql stable as $$
begin
    return (select count(*) from notes);
end $$;

create policy own on notes using (owner_name = current_user or owner_name = 'all')
    with check (true);
create policy of_member on teams using (id in (select m.team from members as m));
create policy own on members using (true) with check (true);
create policy by_helper on ledger using (is_member(id)) with check (true);
create policy every on archive.secrets using (true);
create policy every on events using (true) with check (true);
create policy every on events_login using (true);
alter table notes enable row level security;
alter table teams enable row level security;
alter table members enable row level security;
alter table ledger enable row level security, force row level security;
alter table archive.secrets enable row level security;
alter table events enable row level security;
alter table events_login enable row level security;

create view all_notes as select * from notes;
create view of_view as select id from all_notes;
create view kept_by_other as select * from notes;
create materialized view stored_notes as select * from notes;

insert into notes select n, 'all', 'x' from generate_series(1, 50) as n;
insert into teams select n, 'team' from generate_series(1, 5) as n;
insert into members select n, 'somebody' from generate_series(1, 5) as n;
insert into ledger select n, n from generate_series(1, 5) as n;
insert into events select n, 'login' from generate_series(1, 5) as n;
"""
PARSED_FUNCTIONS = """
create function list_parsed() returns setof notes language sql stable
begin atomic select * from notes; end;
"""
INVOKER_VIEWS = """
create view my_notes with (security_invoker = true) as select * from notes;
create view around_mine as select id from my_notes;
create view mine_around with (security_invoker = true) as select id from all_notes;
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One statement of one role, run `calls` times.

    `tables` are those whose policies it evaluates. `before` runs once in the
    session, `after` within the same transaction. `is_hidden`: no parser can see
    what it reads; `is_opaque`: neither can the planner. `since` is the first
    version that knows the syntax.
    """

    role: str
    sql: str
    calls: int
    tables: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    is_prepared: bool = False
    is_copy: bool = False
    is_hidden: bool = False
    is_opaque: bool = False
    since: int = 13


def user(
    calls: int,
    tables: str,
    text: str,
    *,
    before: str = "",
    after: str = "",
    is_prepared: bool = False,
    is_copy: bool = False,
    is_hidden: bool = False,
    is_opaque: bool = False,
    since: int = 13,
) -> Case:
    """Return a case of the ordinary user; `tables` are separated by spaces."""
    return Case(
        role=USER,
        sql=text,
        calls=calls,
        tables=tuple(tables.split()),
        before=before,
        after=after,
        is_prepared=is_prepared,
        is_copy=is_copy,
        is_hidden=is_hidden,
        is_opaque=is_opaque,
        since=since,
    )


BY_ROLE = (
    Case(role=GUEST, sql="table notes", calls=4, tables=("notes",)),
    Case(role=SERVICE, sql="table notes", calls=30),
    Case(role=OWNER, sql="table notes", calls=20),
    Case(role=DEPUTY, sql="table notes", calls=10),
    Case(role=OWNER, sql="table ledger", calls=4, tables=("ledger",)),
    Case(role=DEPUTY, sql="table ledger", calls=5, tables=("ledger",)),
    Case(role=SERVICE, sql="table ledger", calls=25),
    Case(role=SERVICE, sql="select * from kept_by_other", calls=2, tables=("notes",)),
    Case(role=SERVICE, sql="select * from my_notes", calls=7, since=15),
)
READS = (
    user(9, "notes", "table notes"),
    user(3, "ledger", "table ledger"),
    user(2, "teams members", "select t.name from teams as t"),
    user(3, "notes members", "select n.id from notes n left join members m on true"),
    user(2, "", "with notes as (select 1 as id) select notes.id from notes"),
    user(3, "notes", "with n as (select * from notes) select count(n.id) from n"),
    user(4, "", "select * from archive.notes"),
    user(5, "archive.secrets", "select id from archive.secrets"),
    user(6, "", "select notes, 'from ledger' as members from log"),
    user(2, "notes", "select (select count(*) from notes) as n from log"),
    user(2, "notes", "select id from log order by (select max(id) from notes)"),
    user(2, "members", "select id from log limit (select count(*) from members)"),
    user(2, "notes members", "select id from notes union select team from members"),
    user(3, "notes", "select l.id from log l, lateral (select id from notes) n"),
    user(2, "notes", "select count(*) from notes tablesample system (50)"),
    user(2, "notes", "select id from notes where id = 3 for update"),
    user(4, "", "select count(*) from all_notes"),
    user(3, "", "select count(*) from of_view"),
    user(5, "notes", "select count(*) from kept_by_other"),
    user(2, "", "select count(*) from stored_notes"),
    user(6, "notes", "select count(*) from my_notes", since=15),
    user(3, "notes", "select count(*) from around_mine", since=15),
    user(3, "", "select count(*) from mine_around", since=15),
    user(4, "events", "select count(*) from events"),
    user(3, "events_login", "select count(*) from events_login"),
    user(2, "", "select count(*) from events_other"),
)
WRITES = (
    user(2, "notes", "insert into notes values (-1, 'all') on conflict do nothing"),
    user(
        2,
        "notes members",
        "insert into notes select -team from members on conflict do nothing",
    ),
    user(2, "notes", "update notes set body = 'y' where id = 1"),
    user(3, "notes members", "update notes set body = 'z' from members where id = -7"),
    user(2, "members", "delete from members using log where log.id = 77"),
    user(2, "events", "insert into events values (7, 'other')"),
    user(
        2,
        "notes",
        "insert into notes values (1, 'all') on conflict (id) do update set body = 'q'",
    ),
    user(
        3,
        "notes members",
        (
            "merge into notes using members on id = -team when matched then "
            "update set body = 'm' when not matched then do nothing"
        ),
        since=15,
    ),
)
OTHERS = (
    user(
        7,
        "notes",
        "execute by_id (1)",
        before="prepare by_id (integer) as select body from notes where id = $1",
    ),
    user(8, "notes", "select body, id from notes where id = 5", is_prepared=True),
    user(2, "notes", "copy notes (id) to stdout", is_copy=True),
    user(2, "members", "copy (select name from members) to stdout", is_copy=True),
    user(2, "", "copy log to stdout", is_copy=True),
    user(
        2,
        "notes",
        "create temporary table copied as select body from notes",
        after="drop table copied",
    ),
    user(3, "notes", "declare c cursor for select id from notes", after="fetch all c"),
    user(5, "", "explain analyze select * from notes"),
    user(3, "notes", "select count(*) from list_notes()"),
    user(2, "notes", "select count(*) from list_parsed()", since=14),
    user(4, "notes", "select note_count()", is_opaque=True),
    user(2, "", "select count(*) from list_as_owner()"),
    user(5, "notes", "select count(*) from list_as_keeper()", is_opaque=True),
)
HIDDEN = (
    user(2, "notes", "select count_notes()", is_hidden=True, is_opaque=True),
    user(
        3,
        "notes",
        "select count(*) from log",
        before="create temporary view log as select id from notes",
        is_hidden=True,
    ),
)
CASES = (*BY_ROLE, *READS, *WRITES, *OTHERS, *HIDDEN)


def cases(major: int) -> tuple[Case, ...]:
    """Return the cases that a version can run."""
    return tuple(case for case in CASES if case.since <= major)


def truth(chosen: Iterable[Case]) -> Counter[tuple[str, str]]:
    """Return calls by table and role."""
    counted: Counter[tuple[str, str]] = Counter()
    for case in chosen:
        for table in case.tables:
            counted[table, case.role] += case.calls
    return counted


async def prepare(admin: Admin, major: int) -> None:
    """Create roles, tables, views and functions, as their several owners."""
    for role, options in ROLES.items():
        await ensure_role(admin, role, options)
    await admin.execute("grant rls_owner to rls_deputy")
    await admin.execute("grant usage, create on schema public to rls_owner")
    async with admin.transaction():
        await admin.execute(SCHEMA.encode())
        if major >= 14:
            await admin.execute(PARSED_FUNCTIONS.encode())
        if major >= 15:
            await admin.execute(INVOKER_VIEWS.encode())
        await admin.execute(_HAND_OVER)
    await admin.execute("grant usage on schema archive to public")
    for schema in ("public", "archive"):
        await admin.execute(
            sql.SQL("grant all on all tables in schema {} to public").format(
                sql.Identifier(schema)
            )
        )


_HAND_OVER = b"""
do $$
declare
    each record;
begin
    for each in
        select c.oid::regclass as name from pg_class as c
        where c.relnamespace in ('public'::regnamespace, 'archive'::regnamespace)
            and c.relkind in ('r', 'p', 'v', 'm')
            and not exists (
                select 1 from pg_depend as d where d.objid = c.oid and d.deptype = 'e'
            )
    loop
        execute format('alter table %s owner to rls_owner', each.name);
    end loop;
    alter function is_member(integer) owner to rls_owner;
    alter function list_as_owner() owner to rls_owner;
    alter function list_as_keeper() owner to rls_keeper;
    alter view kept_by_other owner to rls_keeper;
end $$
"""


async def run(admin: Admin, case: Case) -> None:
    """Run a case as often as it says, each time in a transaction of its own."""
    await admin.execute(sql.SQL("set role {}").format(sql.Identifier(case.role)))
    if case.before:
        await admin.execute(case.before.encode())
    for _ in range(case.calls):
        async with admin.transaction():
            await _once(admin, case)
    await admin.execute("reset role")


async def _once(admin: Admin, case: Case) -> None:
    if case.is_copy:
        async with admin.cursor() as cursor, cursor.copy(case.sql.encode()) as copy:
            async for _ in copy:
                pass
        return
    await admin.execute(case.sql.encode(), prepare=case.is_prepared)
    if case.after:
        await admin.execute(case.after.encode())


async def filters(admin: Admin, case: Case) -> bool | None:
    """Return whether the server itself says that policies would filter a case.

    None where EXPLAIN does not take the statement.
    """
    if case.is_copy or case.sql.startswith(("declare", "explain")):
        return None
    try:
        async with admin.transaction(force_rollback=True):
            role = sql.Identifier(case.role)
            await admin.execute(sql.SQL("set local role {}").format(role))
            await admin.execute("set local row_security = off")
            await admin.execute(b"explain " + case.sql.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        return "row-level security" in str(error)
    return False
