"""Rewrites of policies: proven on rows, timed by imitation, or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model.rls import Saving
from tests.rewriting import Stage, policy_named, staged

USERS = (
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
)
TABLES = """
create table public.docs as
select
    i as id,
    ('00000000-0000-0000-0000-' || lpad((i % 50)::text, 12, '0'))::uuid as user_id,
    i % 100 as team_id
from pg_catalog.generate_series(1, 5000) as i;
create table public.members as
select
    i as team_id,
    ('00000000-0000-0000-0000-' || lpad((i % 7)::text, 12, '0'))::uuid as user_id
from pg_catalog.generate_series(1, 90) as i;
insert into public.members values (null, '00000000-0000-0000-0000-000000000001');
insert into public.docs values (0, null, null);
alter table public.docs enable row level security;
create function public.slow() returns uuid language plpgsql stable as
    $$ begin return auth.uid(); end $$;
"""


@pytest.fixture
async def stage(conninfo: str, database: str) -> AsyncIterator[Stage]:
    async with staged(conninfo, database, USERS) as ready:
        await ready.lay_down(TABLES)
        yield ready


def is_timed(saving: Saving) -> bool:
    """Say whether it was timed, by an imitation with the plan of the real policy.

    Whether the times agree is for a quiet machine to say.
    """
    times = (saving.now_seconds, saving.imitated_seconds, saving.rewritten_seconds)
    return all(times) and "another plan" not in saving.reason


@pytest.mark.pg("all")
async def test_a_wrapped_call_is_proven_and_its_benefit_known(stage: Stage) -> None:
    await stage.lay_down(
        "create policy own on public.docs using (user_id = public.slow());"
    )

    saving = await stage.predict("own", "wrap_calls")

    assert (saving.differing_rows, saving.compared_rows) == (0, 3 * 5001)
    assert saving.personas == ("user 1", "user 2", "nobody")
    assert is_timed(saving)


async def test_a_function_that_gives_another_value_each_time_is_refused(
    stage: Stage,
) -> None:
    await stage.lay_down("""
        create function public.roll() returns boolean language sql volatile as
            $$ select pg_catalog.random() < 0.5 $$;
        create policy luck on public.docs using (public.roll());
    """)

    saving = await stage.predict("luck", "declare_stable")

    assert saving.differing_rows > 0
    assert saving.reason == "it would admit other rows: refused"
    assert (saving.saved, saving.now_seconds) == (None, None)
    assert await stage.judge("policy_rewrite", saving) == ()


MEMBERSHIP = """
create policy team on public.docs using (
    exists (
        select 1 from public.members as m
        where m.team_id = docs.team_id and m.user_id = (select auth.uid())
    )
);
"""


@pytest.mark.pg("all")
async def test_a_set_admits_the_rows_of_a_sub_select_also_where_there_is_null(
    stage: Stage,
) -> None:
    await stage.lay_down(MEMBERSHIP)

    saving = await stage.predict("team", "use_set")

    assert (saving.differing_rows, saving.compared_rows) == (0, 3 * 5001)
    assert "team_id IN (SELECT m.team_id FROM public.members" in saving.sql


async def test_a_rewrite_that_treats_null_otherwise_is_refused(stage: Stage) -> None:
    await stage.lay_down(MEMBERSHIP)
    rewrite = (await stage.proposals("team"))["use_set"]
    wrong = replace(rewrite, using=f"({rewrite.using}) is not false")

    saving = await stage.predict_of(await stage.known(), wrong)

    # Of the rows whose team is unknown, for each of the three personas.
    assert saving.differing_rows >= 3
    assert saving.reason == "it would admit other rows: refused"


async def test_a_captured_column_stays_captured(stage: Stage) -> None:
    await stage.lay_down("""
        create policy team on public.docs using (
            (select auth.uid()) in (
                select m.user_id from public.members as m
                where m.team_id = team_id and m.user_id = public.slow()
            )
        );
    """)

    proposals = await stage.proposals("team")
    saving = await stage.predict("team", "wrap_calls")

    assert proposals.keys() == {"wrap_calls"}
    assert "m.team_id = m.team_id" in proposals["wrap_calls"].using
    assert (saving.differing_rows, saving.compared_rows) == (0, 3 * 5001)


HOSTILE = r"""
create schema "sch'e""m a";
create table "sch'e""m a"."ta.b""le; --" ("co'l ""u" uuid, "a%sb" int);
insert into "sch'e""m a"."ta.b""le; --"
values ('00000000-0000-0000-0000-000000000001', 1), (null, 2);
grant usage on schema "sch'e""m a" to {anon}, {user}, {service};
grant select on "sch'e""m a"."ta.b""le; --" to {anon}, {user}, {service};
alter table "sch'e""m a"."ta.b""le; --" enable row level security;
create function "sch'e""m a"."f('$1')%%"() returns uuid[] language sql stable as
    $$ select array[auth.uid()] $$;
create policy "it's; ""drop"" %s" on "sch'e""m a"."ta.b""le; --"
    using (
        "co'l ""u" = any ("sch'e""m a"."f('$1')%%"())
        and '%s \ ''{{0}}'' ' <> ''
        and exists (
            select 1 from public.members as "docs"
            where "docs".user_id = "ta.b""le; --"."co'l ""u"
        )
    )
"""


async def test_hostile_names_survive_there_and_back(stage: Stage) -> None:
    await stage.lay_down(HOSTILE)
    name = 'it\'s; "drop" %s'
    before = await stage.expressions(name)

    proposals = await stage.proposals(name)
    saving = await stage.predict(name, "use_set")
    for rule in ("wrap_calls", "use_set"):
        rewrite = proposals[rule]
        await stage.apply(rewrite.sql)
        changed = await stage.expressions(name)
        await stage.apply(rewrite.undo)

        assert changed != before
        assert await stage.expressions(name) == before
    assert proposals.keys() == {"wrap_calls", "use_set", "restrict_roles"}
    assert (saving.differing_rows, saving.compared_rows) == (0, 6)


async def test_a_check_is_rewritten_and_compared_as_well(stage: Stage) -> None:
    await stage.lay_down("""
        create policy own on public.docs
            using (true) with check (user_id = public.slow());
        grant insert on public.docs to {user};
    """)
    rewrite = (await stage.proposals("own"))["wrap_calls"]

    saving = await stage.predict("own", "wrap_calls")
    await stage.apply(rewrite.sql)

    assert "\n    with check (user_id = (SELECT public.slow()));" in rewrite.sql
    assert "using" not in rewrite.sql
    assert (saving.differing_rows, saving.compared_rows) == (0, 3 * 5001)
    assert saving.saved is None
    assert await stage.expressions("own") == (
        "true",
        "(user_id = ( SELECT slow() AS slow))",
    )


@pytest.mark.pg(">=14")
async def test_a_partitioned_table_is_proven_as_a_whole(stage: Stage) -> None:
    await stage.lay_down("""
        create table public.parts (id int, user_id uuid) partition by range (id);
        create table public.parts_1 partition of public.parts
            for values from (0) to (2000);
        create table public.parts_2 partition of public.parts
            for values from (2000) to (9000);
        insert into public.parts select id, user_id from public.docs;
        alter table public.parts enable row level security;
        create policy own on public.parts using (user_id = public.slow());
    """)

    saving = await stage.predict("own", "wrap_calls")

    assert (saving.differing_rows, saving.compared_rows) == (0, 3 * 5001)
    assert is_timed(saving)


async def test_requests_without_a_login_gain_by_naming_the_roles(
    stage: Stage,
) -> None:
    await stage.lay_down(
        "create policy own on public.docs using (user_id = public.slow());"
    )
    rewrite = (await stage.proposals("own"))["restrict_roles"]

    saving = await stage.predict("own", "restrict_roles")
    await stage.apply(rewrite.sql)

    assert rewrite.needs_human
    assert saving.differing_rows == 0
    assert is_timed(saving)
    known = await stage.known()
    assert policy_named(known, "own").roles == rewrite.roles


async def test_nobody_s_code_runs_with_rights_that_are_not_his(stage: Stage) -> None:
    await stage.lay_down("""
        create policy own on public.docs using (user_id = public.slow());
        alter table public.docs owner to {user};
    """)

    saving = await stage.predict("own", "wrap_calls")

    assert "would gain the rights of the bypass login" in saving.reason
    assert (saving.compared_rows, saving.saved) == (0, None)


async def test_a_helper_that_needs_a_search_path_is_not_trusted_with_one(
    stage: Stage,
) -> None:
    await stage.lay_down("""
        create function public.mine() returns uuid language plpgsql stable as
            $$ begin return (select m.user_id from members as m limit 1); end $$;
        create policy own on public.docs using (user_id = public.mine());
    """)

    saving = await stage.predict("own", "wrap_calls")

    assert saving.reason == "not compared: the statement failed (SQLSTATE 42P01)"
    assert saving.saved is None


async def test_a_table_too_large_to_be_counted_in_time_is_sampled(
    conninfo: str, database: str
) -> None:
    limit = timedelta(milliseconds=600)
    async with staged(conninfo, database, USERS, limit=limit) as stage:
        await stage.lay_down(
            TABLES
            + """
            create function public.sleepy() returns uuid language plpgsql stable as
                $$ begin perform pg_catalog.pg_sleep(0.0005); return auth.uid(); end $$;
            create policy own on public.docs using (user_id = public.sleepy());
            """
        )

        saving = await stage.predict("own", "wrap_calls")

    assert "tablesample" in saving.statement
    assert saving.differing_rows == 0
    assert 0 < saving.compared_rows < 3 * 5001
