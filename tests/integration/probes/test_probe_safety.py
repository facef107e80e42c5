"""A probe never blocks, never writes, and gives a hostile policy nothing."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from monitor.errors import InsufficientPrivilege, TargetError
from monitor.model.rls import UnitCost
from monitor.probes import transaction
from monitor.probes.sampling import first_sample
from tests.integration.probes.stage import SECRET_CLAIM, Stage, value

LIMIT = timedelta(milliseconds=300)
pytestmark = pytest.mark.pg

Outcome = tuple[str, str]


def outcome(cost: UnitCost) -> Outcome:
    assert cost.per_row is None
    return cost.status, cost.reason


async def written(stage: Stage) -> int:
    """Return how many rows a hostile function has managed to write."""
    return await value(stage.admin, "select count(*) from public.loot")


@pytest.fixture
async def loot(stage: Stage) -> Stage:
    """Return the stage with a table and a sequence that everybody may write to."""
    await stage.execute(
        """
        set role {app};
        create table public.loot (what text);
        create sequence public.counter;
        grant insert on public.loot to public;
        grant usage on sequence public.counter to public;
        reset role;
        """
    )
    return stage


@pytest.mark.parametrize(
    "body",
    [
        "begin insert into public.loot values ('x'); return true; end",
        "begin perform nextval('public.counter'); return true; end",
        "begin create table public.mine (id integer); return true; end",
        "begin execute 'set transaction read write'; return true; end",
        (
            "begin perform set_config('transaction_read_only', 'off', true);"
            " insert into public.loot values ('x'); return true; end"
        ),
    ],
)
async def test_a_policy_that_writes_fails_and_writes_nothing(
    loot: Stage, body: str
) -> None:
    await loot.hostile(body)

    cost = await loot.time()

    assert cost.status == "error"
    assert "SQLSTATE 25" in cost.reason
    assert await written(loot) == 0


async def test_a_policy_that_survives_its_refusal_has_not_written(
    loot: Stage,
) -> None:
    await loot.hostile(
        "begin begin perform set_config('transaction_read_only', 'off', true);"
        " perform set_config('default_transaction_read_only', 'off', false);"
        " insert into public.loot values ('x');"
        " exception when others then null; end; return true; end"
    )

    await loot.time()

    assert await written(loot) == 0


@pytest.mark.parametrize(
    "attempt",
    [
        "perform set_config('role', '{service}', true)",
        "perform set_config('role', '{bypass}', true)",
        "perform set_config('role', 'postgres', true)",
        "perform set_config('session_authorization', 'postgres', true)",
        "perform count(*) from pg_catalog.pg_authid",
        "perform pg_catalog.pg_read_file('PG_VERSION')",
        "execute 'copy (select 1) to program ''true'''",
        (
            "perform set_config('row_security', 'off', true);"
            " perform count(*) from public.notes"
        ),
    ],
)
async def test_a_hostile_policy_gains_no_rights(stage: Stage, attempt: str) -> None:
    known = {"{service}": stage.service, "{bypass}": stage.bypass}
    for name, role in known.items():
        attempt = attempt.replace(name, role)
    await stage.hostile(f"begin {attempt}; return true; end")

    cost = await stage.time()

    assert cost.status in ("no_privilege", "error")
    assert "42501" in cost.reason or "22023" in cost.reason


async def test_a_hostile_policy_becomes_no_more_than_the_probe_login(
    stage: Stage,
) -> None:
    await stage.hostile(
        f"begin perform set_config('role', 'none', true);"
        f" if current_user <> '{stage.probe}' or session_user <> '{stage.probe}'"
        " or exists (select from pg_roles as r where r.rolname = current_user"
        " and (r.rolsuper or r.rolbypassrls))"
        " then raise division_by_zero; end if;"
        f" perform set_config('role', '{stage.persona_role}', true); return true; end"
    )

    cost = await stage.time()

    assert cost.status in ("ok", "unstable"), cost.reason


async def test_an_index_cannot_slip_a_function_under_the_bypassing_side(
    stage: Stage,
) -> None:
    await stage.policy("true")
    await stage.execute(
        """
        set role {app};
        create function public.constant(n integer) returns integer immutable
        language plpgsql as 'begin return n; end';
        create index on public.notes ((id + public.constant(1)));
        reset role;
        """
    )

    cost = await stage.time()

    assert outcome(cost) == (
        "skipped",
        (
            'planning could run "constant" with the bypass login\'s rights:'
            " an index, statistics object or partition key calls it"
        ),
    )


async def test_a_view_in_the_tables_place_is_not_read_on_the_bypassing_side(
    loot: Stage,
) -> None:
    await loot.policy("true")
    async with loot.pair() as opened:
        table = await loot.guarded()
        await loot.execute(
            """
            set role {app};
            alter table public.notes rename to gone;
            create view public.notes as select id as id, ctid as ctid from public.gone;
            grant select on public.notes to {service};
            reset role;
            """
        )
        sample = first_sample(
            table, loot.options, rows=4000, pages=60, seed=1, has_page_ranges=True
        )
        taken = await transaction.timed(
            opened.bypass,
            transaction.as_bypassing(loot.service),
            sample.request,
            seconds=2,
        )

    assert isinstance(taken, transaction.Failure)
    assert taken.reason == "the statement failed (SQLSTATE 0A000)"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "begin perform pg_sleep(60); return true; end",
            ("timeout", "the statement ran into its time limit"),
        ),
        (
            "begin return 1 / (n - n) = 1; end",
            ("error", "the statement failed (SQLSTATE 22012)"),
        ),
        (
            "begin loop raise notice 'again and again'; end loop; end",
            ("timeout", "the statement ran into its time limit"),
        ),
        (
            (
                "begin perform set_config('client_min_messages', 'debug5', false);"
                " loop raise notice '%', repeat('x', 10000); end loop; end"
            ),
            ("timeout", "the statement ran into its time limit"),
        ),
        (
            (
                "begin perform set_config('statement_timeout', '0', false);"
                " perform pg_sleep(60); return true; end"
            ),
            ("timeout", "the statement ran into its time limit"),
        ),
        (
            (
                "begin return length(repeat('x', 1000000000)) < 0"
                " or length(repeat('y', 1000000000)) < 0 or pg_sleep(60) is null; end"
            ),
            ("timeout", "the statement ran into its time limit"),
        ),
        (
            (
                f"begin raise exception 'look: %', '{SECRET_CLAIM}'"
                " using errcode = 'ZZ123'; end"
            ),
            ("error", "the statement failed"),
        ),
    ],
)
async def test_a_hostile_policy_is_survived(
    stage: Stage, body: str, expected: Outcome
) -> None:
    await stage.hostile(body)

    cost = await stage.time(statement_timeout=LIMIT)

    assert outcome(cost) == expected


async def test_a_policy_that_catches_its_end_is_ended_for_good(stage: Stage) -> None:
    await stage.hostile(
        "begin perform set_config('client_connection_check_interval', '0', false);"
        " loop begin perform pg_sleep(30);"
        " exception when query_canceled then null; end; end loop; end"
        if stage.major >= 14
        else "begin loop begin perform pg_sleep(30);"
        " exception when query_canceled then null; end; end loop; end"
    )

    started = time.monotonic()
    cost = await stage.time(statement_timeout=LIMIT)
    took = time.monotonic() - started

    assert cost.status in ("timeout", "error")
    assert took < 20
    await gone(stage)


async def gone(stage: Stage) -> None:
    """Wait until no backend of either login is left."""
    query = "select count(*) from pg_catalog.pg_stat_activity where usename = any (%s)"
    end = time.monotonic() + 10
    while await value(stage.admin, query, [stage.probe, stage.bypass]):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def test_a_recursive_policy_is_an_error(stage: Stage) -> None:
    await stage.policy("id in (select n.id from public.notes as n)")

    cost = await stage.time()

    assert outcome(cost) == ("error", "the statement failed (SQLSTATE 42P17)")


async def test_a_function_that_changes_the_path_changes_nothing_for_us(
    stage: Stage,
) -> None:
    await stage.hostile(
        "begin perform set_config('search_path', 'public', false); return true; end"
    )

    async with stage.pair() as opened:
        cost = await stage.probe_with(opened)
        path = await opened.probe.connection.execute("show search_path")
        shown = await path.fetchone()

    assert cost.status in ("ok", "unstable")
    assert shown == ("pg_catalog, pg_temp",)


async def test_a_lock_is_not_waited_for_and_nobody_waits_behind_us(
    stage: Stage,
) -> None:
    await stage.policy("true")
    superuser = stage.cluster.conninfo(stage.database)
    async with (
        stage.pair() as opened,
        await psycopg.AsyncConnection.connect(superuser) as holder,
    ):
        guarded = await stage.guarded()
        await holder.execute("lock table public.notes in access exclusive mode")

        cost = await stage.probe_with(opened)
        waiting = await value(
            stage.admin,
            "select count(*) from pg_catalog.pg_locks"
            " where relation = %s and not granted",
            guarded.relid,
        )
        await holder.rollback()

    assert outcome(cost) == ("timeout", "the statement waited for a lock")
    assert waiting == 0


async def test_nothing_is_held_between_the_executions(stage: Stage) -> None:
    await stage.hostile("begin perform pg_advisory_lock_shared(7); return true; end")
    seen: list[int] = []

    async with stage.pair() as opened:
        cost = await stage.probe_with(opened)
        seen.append(
            await value(
                stage.admin,
                "select count(*) from pg_catalog.pg_locks"
                " where locktype = 'relation' and pid = any (%s)",
                [opened.probe.backend_pid, opened.bypass.backend_pid],
            )
        )
    await gone(stage)
    left = "select count(*) from pg_catalog.pg_locks where locktype = 'advisory'"

    assert cost.status in ("ok", "unstable")
    assert seen == [0]
    assert await value(stage.admin, left) == 0


async def test_no_claim_and_no_password_is_told(stage: Stage) -> None:
    await stage.hostile(
        "begin raise exception '%', current_setting('request.jwt.claims')"
        " using detail = current_setting('request.jwt.claims'); end"
    )

    async with stage.pair() as opened:
        cost = await stage.probe_with(opened)
        queries = await value(
            stage.admin,
            "select string_agg(query, ' ') from pg_catalog.pg_stat_activity"
            " where usename = any (%s)",
            [stage.probe, stage.bypass],
        )
        notices = " ".join(opened.probe.notices)

    told = f"{cost!r} {queries} {notices} {stage.options!r}"
    assert cost.reason == "the statement failed (SQLSTATE P0001)"
    assert SECRET_CLAIM not in told
    assert stage.password not in told


async def test_one_persona_does_not_see_anothers_claims(stage: Stage) -> None:
    await stage.hostile(
        f"begin if position('{SECRET_CLAIM}' in"
        " coalesce(current_setting('request.jwt.claims', true), '')) > 0"
        " then raise division_by_zero; end if; return true; end"
    )
    other = replace(stage.persona, name="bob", settings={"request.jwt.claims": "{}"})

    alice = await stage.time()
    async with stage.pair() as opened:
        await stage.probe_with(opened)
        opened.options = replace(opened.options, personas=(other,))
        bob = await stage.probe_with(opened)

    assert alice.status == "error"
    assert bob.status in ("ok", "unstable"), bob.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("grant pg_monitor to {probe}", "is no persona's role."),
        ("grant {service} to {probe}", "is no persona's role."),
        ("grant {app} to {probe}", "is no persona's role."),
        ("alter role {probe} superuser", "has SUPERUSER"),
        ("alter role {probe} bypassrls", "has BYPASSRLS."),
        ("grant pg_read_all_data to {persona}", "is above ordinary roles."),
        ("grant {service} to {persona}", "is above ordinary roles."),
        ("alter role {bypass} superuser", "is a superuser."),
        ("revoke {service} from {bypass}", "is not a member of"),
    ],
)
async def test_logins_that_may_too_much_or_too_little_are_refused(
    stage: Stage, change: str, reason: str
) -> None:
    if "pg_read_all_data" in change and stage.major < 14:
        change = change.replace("pg_read_all_data", "pg_read_server_files")
    await stage.execute(change)

    with pytest.raises(InsufficientPrivilege) as refused:
        await stage.time()

    assert reason in refused.value.detail
    await gone(stage)


async def test_one_login_for_both_sides_is_refused(stage: Stage) -> None:
    await stage.execute("grant {service} to {probe}")
    one = stage.credentials(stage.probe)

    with pytest.raises(InsufficientPrivilege) as refused:
        await stage.time(bypass=one)

    assert "is both logins" in refused.value.detail


async def test_a_bypassing_role_that_policies_bind_is_said(stage: Stage) -> None:
    await stage.policy("true")
    await stage.execute("alter role {service} nobypassrls")

    cost = await stage.time()

    assert outcome(cost) == (
        "no_privilege",
        "policies bind the bypass login, too",
    )


async def test_a_wrong_password_is_told_without_it(stage: Stage) -> None:
    wrong = replace(
        stage.credentials(stage.probe),
        conninfo=make_conninfo(
            stage.credentials(stage.probe).conninfo, password="not-the-one"
        ),
    )

    with pytest.raises(TargetError) as refused:
        await stage.time(probe=wrong)

    assert "not-the-one" not in str(refused.value)
