"""Row level security as API, page and command line show it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.api.serving import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


async def orders(served: Served) -> dict[str, Any]:
    response = await served.client.get("/api/v1/rls?target=orders")
    (found,) = (
        one for one in (await response.json())["rls"] if one["name"] == "orders"
    )
    return found


async def command(served: Served, *arguments: str) -> str:
    url = str(served.client.make_url("/"))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "monitor", "rls", "--url", url, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


async def test_policies_are_listed_by_command_and_role(served: Served) -> None:
    table = await orders(served)

    found = {(a["role"], a["command"]): a for a in table["applications"]}
    assert found["authenticated", "select"]["permissive"] == ["orders_owner"]
    assert found["anon", "select"]["permissive"] == []
    assert found["anon", "select"]["is_bound"]


async def test_figures_stand_where_they_are_true(served: Served) -> None:
    table = await orders(served)

    (statements,) = table["statements"]
    assert statements["seconds_total"] == 1877.4
    assert statements["window_seconds"] == 300
    (tax,) = table["taxes"]
    assert tax["tax_seconds"] == pytest.approx(0.0189)
    # Beyond what a double holds.
    assert tax["queryid"] == "-4611686018427387904"
    (overhead,) = table["overheads"]
    assert (overhead["p50_seconds"], overhead["p95_seconds"]) == (0.0009, 0.0034)
    (saving,) = table["savings"]
    assert saving["saved_seconds"] == pytest.approx(0.0798)


async def test_a_figure_that_was_not_reached_is_null_with_its_reason(
    served: Served,
) -> None:
    table = await orders(served)

    costs = {cost["persona"]: cost for cost in table["row_costs"]}
    assert costs["alice"]["seconds"] == 4.1e-6
    assert (costs["bob"]["seconds"], costs["bob"]["status"]) == (None, "timeout")
    assert any("persona bob" in text for text in table["unknowns"])


async def test_what_concerns_all_tables_is_beside_them(served: Served) -> None:
    response = await served.client.get("/api/v1/rls?target=orders")

    (target,) = (await response.json())["targets"]
    assert target["helpers"][0]["function"] == "auth.uid()"
    assert target["probes"]["rounds_total"] == 31
    assert target["attribution"]["unknown_seconds"] == 60.0


async def test_the_page_shows_cost_comparison_and_what_is_unknown(
    served: Served,
) -> None:
    response = await served.client.get("/?target=orders")

    text = await response.text()
    section = text[text.index('<section id="rls">') : text.index('id="actions"')]
    for shown in (
        "31 min 17 s",
        "+19 ms",
        "4.1 µs",
        "80 ms a call could be saved",
        "switched off: policies do nothing",
        "no policy: ordinary roles see nothing",
        "the last probe ran into its time limit",
    ):
        assert shown in section


async def test_the_command_lists_tables_with_their_cost(served: Served) -> None:
    text = await command(served, "--target", "orders")

    line = next(one for one in text.splitlines() if "public.orders" in one)
    assert " ".join(line.split()[3:]) == "on 91204 31 min 17 s 4.1 µs 3.4 ms"
    assert "no personas and logins are named" in text
    assert "80 ms a call could be saved" in text


async def test_the_command_lists_who_is_bound_by_what(served: Served) -> None:
    text = await command(served, "--target", "orders", "--policies")

    rows = [line.split() for line in text.splitlines()]
    assert ["public.orders", "authenticated", "select", "orders_owner"] in rows
    assert any(row[1:3] == ["anon", "delete"] for row in rows if len(row) > 2)


async def test_the_command_gives_programs_everything(served: Served) -> None:
    text = await command(served, "--output", "json")

    found = json.loads(text)
    assert {"rls", "targets"} == found.keys()
    assert {one["target"] for one in found["rls"]} >= {"orders"}
