"""The server says whether a policy would filter; what it cannot say is left out."""

from __future__ import annotations

import pytest

from monitor.probes.confirm import confirm
from tests.integration.probes.stage import Stage, value

FILTERED = (
    "select * from public.notes where id = $1",
    "select count(*) from notes",
    "with n as (select id from public.notes) select 1 from n limit $1",
    "select * from public.through_invoker",
    "select id from public.inlined($1) as id",
    "update public.notes set body = $1 where id = $2",
    "delete from public.notes",
)
FREE = (
    "select 1",
    "select * from public.plain where id = $1",
    "with notes as (select 1 as id) select id from notes",
    "select $1 || 'public.notes'",
    "select * from public.through_definer",
)
UNDECIDED = (
    "vacuum public.notes",
    "select * from public.absent",
    "select * from public.secret",
    "select 1; select 2",
    "select * from public.notes where id in ($1, ...",
    "",
)


@pytest.fixture
async def described(stage: Stage) -> Stage:
    """Return the stage with a policy, views and tables beside it."""
    await stage.policy("id < 100")
    await stage.execute(
        """
        grant update, delete on public.notes to {persona};
        set role {app};
        create table public.plain (id integer);
        create table public.secret (id integer);
        create view public.through_definer as select id from public.notes;
        create view public.through_invoker as select id from public.notes;
        create function public.inlined(n integer) returns setof integer
        language sql stable as 'select id from public.notes where id = n';
        grant select on public.plain, public.through_definer, public.through_invoker
        to {persona};
        """
    )
    if stage.major >= 15:
        await stage.execute(
            "alter view public.through_invoker set (security_invoker = true)"
        )
    await stage.execute("reset role")
    return stage


@pytest.mark.pg("all")
async def test_the_server_tells_what_policies_filter(described: Stage) -> None:
    texts = [*FILTERED, *FREE, *UNDECIDED]
    if described.major < 15:
        texts.remove("select * from public.through_invoker")

    async with described.pair() as pair:
        decided = await confirm(
            pair.probe,
            list(enumerate(texts)),
            described.persona_role,
            schemas=("public",),
        )

    told = {texts[number]: answer for number, answer in decided.items()}
    assert told == {
        **{text: True for text in FILTERED if text in texts},
        **dict.fromkeys(FREE, False),
    }


@pytest.mark.pg
async def test_nothing_is_executed_and_nothing_stays_behind(described: Stage) -> None:
    async with described.pair() as pair:
        await confirm(
            pair.probe, [(1, "delete from public.plain")], described.persona_role
        )
        pid = pair.probe.backend_pid
        locks = await value(
            described.admin,
            "select count(*) from pg_catalog.pg_locks where pid = %s",
            pid,
        )

    assert locks == 0


async def test_a_role_that_the_login_may_not_become_is_not_asked_about(
    described: Stage,
) -> None:
    async with described.pair() as pair:
        decided = await confirm(pair.probe, [(1, "select 1")], described.service)

    assert decided == {}


async def test_an_error_that_a_function_forges_is_no_answer(described: Stage) -> None:
    await described.execute(
        """
        set role {app};
        create function public.forged() returns integer immutable language plpgsql as
        'begin raise exception ''would be affected by row-level security policy''
            using errcode = ''42501''; end';
        reset role;
        """
    )

    async with described.pair() as pair:
        decided = await confirm(
            pair.probe, [(1, "select public.forged()")], described.persona_role
        )

    assert decided == {}
