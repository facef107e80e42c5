"""A listed statement is timed on both sides; nothing but a reading SELECT is run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.model.persona import ListedStatement
from monitor.model.rls import StatementCost
from monitor.probes.statement import probe_statement
from tests.integration.probes.stage import NOW, Stage, value


async def timed(stage: Stage, text: str, **changes: Any) -> StatementCost:
    """Time a statement, until other processes leave us a quiet moment."""
    listed = ListedStatement(name="listed", database=stage.database, sql=text)
    async with stage.pair(**changes) as opened:
        persona, options = opened.options.personas[0], opened.options
        cost = await probe_statement(opened, listed, persona, options, NOW)
        for _ in range(20):
            if cost.status != "unstable":
                break
            cost = await probe_statement(opened, listed, persona, options, NOW)
    return cost


@pytest.mark.pg
async def test_what_policies_add_is_the_difference_of_both_sides(stage: Stage) -> None:
    await stage.hostile(
        "begin perform sqrt(i) from generate_series(1, 20) as i; return true; end"
    )

    cost = await timed(stage, "select count(*) from public.notes where id < 1000")

    assert cost.status == "ok", cost.reason
    assert cost.overhead is not None
    assert cost.low is not None
    assert cost.high is not None
    assert 1e-3 < cost.low <= cost.overhead <= cost.high


async def test_a_policy_that_brings_an_index_has_a_negative_cost(stage: Stage) -> None:
    await stage.execute(
        """
        create index on public.notes (id);
        insert into public.notes select g, 'x' from generate_series(1, 60000) as g;
        analyze public.notes;
        """
    )
    await stage.policy("id = 7")

    cost = await timed(stage, "select count(body) from public.notes")

    assert cost.status == "ok", cost.reason
    assert cost.overhead is not None
    assert cost.overhead < 0


async def test_both_sides_have_the_personas_claims(stage: Stage) -> None:
    await stage.policy("true")
    claim = "current_setting('request.jwt.claims')::json ->> 'sub'"

    cost = await timed(stage, f"select 1 / length({claim}) from public.notes")

    assert cost.status == "ok", cost.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("delete from public.notes", "it is not a SELECT"),
        ("select 1; select 2", "it is not one statement"),
        ("select 1 from public.notes for update", "it writes or locks rows"),
        (
            "with gone as (delete from public.notes returning id) select 1 from gone",
            "it writes or locks rows",
        ),
        ("select id into public.copy from public.notes", "it creates a table"),
        ("select $1", "it has parameters without values"),
        ("vacuum", "it is not a SELECT"),
        ("select from where", "the parser does not understand it"),
    ],
)
async def test_what_does_not_just_read_is_refused(
    stage: Stage, text: str, reason: str
) -> None:
    cost = await timed(stage, text)

    assert (cost.status, cost.reason) == (
        "skipped",
        f"the statement cannot be timed: {reason}",
    )
    assert await value(stage.admin, "select count(*) from public.notes") == 4000


async def test_a_name_without_its_schema_is_not_looked_up(stage: Stage) -> None:
    await stage.policy("true")

    cost = await timed(stage, "select count(*) from notes")

    assert (cost.status, cost.reason) == (
        "error",
        "the statement failed (SQLSTATE 42P01)",
    )


async def test_a_statement_is_bounded_in_time(stage: Stage) -> None:
    cost = await timed(stage, "select pg_sleep(60)")

    assert (cost.status, cost.with_policies) == ("timeout", None)


async def test_a_setting_of_the_server_is_no_claim(stage: Stage) -> None:
    persona = replace(stage.persona, settings={"statement_timeout": "0"})

    cost = await timed(stage, "select 1", personas=(persona,))

    assert (cost.status, cost.reason) == (
        "error",
        'setting "statement_timeout" is the server\'s, no claim',
    )
