"""What an operator with the token may do, and what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from monitor.errors import ActionFailed, ConfigError, StateError, TargetUnreachable
from tests.integration.api.serving import OPERATE, Served, serving
from tests.unit import states
from tests.unit.factories import NOW


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.mark.parametrize("verb", ["approve", "reject", "undo"])
async def test_an_action_is_decided_by_number(served: Served, verb: str) -> None:
    response = await served.client.post(
        f"/api/v1/actions/7/{verb}", headers=OPERATE, json={"by": "ann\n  lee"}
    )

    assert response.status == 200
    assert (await response.json())["action"]["id"] == 7
    assert served.operator.calls == [(verb, "orders", 7, "ann lee")]


@pytest.mark.promise(13)
async def test_who_asks_cannot_forge_a_line_of_the_log(served: Served) -> None:
    await served.client.post(
        "/api/v1/actions/7/approve", headers=OPERATE, json={"by": "a\r\n\x1b[31m\u202e"}
    )

    author = served.operator.calls[0][-1]
    assert isinstance(author, str)
    assert author.isprintable()


async def test_an_action_of_several_targets_needs_its_target() -> None:
    twin = states.primary(actions=(states.entry(),))
    state = states.state(states.primary(), states.standby(actions=twin.actions))

    async with serving(state) as served:
        unclear = await served.client.post(
            "/api/v1/actions/7/approve", headers=OPERATE, json={}
        )
        clear = await served.client.post(
            "/api/v1/actions/7/approve",
            headers=OPERATE,
            json={"target": "orders-replica"},
        )

    assert (unclear.status, clear.status) == (409, 200)
    assert served.operator.calls == [("approve", "orders-replica", 7, "api")]


@pytest.mark.parametrize("number", ["99", "x", "-7"])
async def test_an_unknown_action_is_not_found(served: Served, number: str) -> None:
    response = await served.client.post(
        f"/api/v1/actions/{number}/approve", headers=OPERATE, json={}
    )

    assert response.status == 404
    assert served.operator.calls == []


async def test_a_finding_is_muted_with_reason_and_end(served: Served) -> None:
    response = await served.client.post(
        "/api/v1/findings/abc/mute",
        headers=OPERATE,
        json={"reason": "known", "duration_seconds": 3600, "by": "ann"},
    )

    body = await response.json()
    assert response.status == 200
    assert body["finding"]["state"] == "muted"
    assert body["mute"]["reason"] == "known"
    assert served.operator.calls == [
        ("mute", "abc", "known", NOW + timedelta(hours=1), "ann")
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "x"},
        {"reason": "", "duration_seconds": 60},
        {"reason": "x", "duration_seconds": 0},
        {"reason": "x", "duration_seconds": 1e12},
        {"reason": "x", "until": "2020-01-01T00:00:00Z"},
        {"reason": "x", "until": "2096-01-01T00:00:00Z"},
        {"reason": "x", "until": "2026-03-02T00:00:00"},
        {"reason": "x", "duration_seconds": 60, "until": "2026-03-02T00:00:00Z"},
        {"reason": "x", "duration_seconds": 60, "colour": "red"},
        [],
        "text",
    ],
    ids=str,
)
async def test_a_mute_that_makes_no_sense_is_refused(
    served: Served, body: object
) -> None:
    response = await served.client.post(
        "/api/v1/findings/abc/mute", headers=OPERATE, json=body
    )

    assert response.status == 400
    assert served.operator.calls == []


async def test_a_refused_body_is_not_repeated(served: Served) -> None:
    response = await served.client.post(
        "/-/pause", headers=OPERATE, json={"paused": states.CANARY}
    )

    assert response.status == 400
    assert states.CANARY not in await response.text()


async def test_what_is_no_json_is_refused(served: Served) -> None:
    response = await served.client.post(
        "/-/reload",
        headers=OPERATE | {"Content-Type": "application/json"},
        data=b"{not json",
    )

    assert response.status == 400


async def test_reload_and_pause_reach_the_operator(served: Served) -> None:
    post = served.client.post
    reloaded = await post("/-/reload", headers=OPERATE, json={})
    paused = await post("/-/pause", headers=OPERATE, json={})
    resumed = await post("/-/pause", headers=OPERATE, json={"paused": False})

    assert await reloaded.json() == {"reloaded": True}
    assert await paused.json() == {"paused": True}
    assert await resumed.json() == {"paused": False}
    assert served.operator.calls == [("reload",), ("pause", True), ("pause", False)]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (LookupError('there is no action "7"'), 404),
        (ActionFailed("the action has expired", hint="Propose it anew."), 409),
        (ConfigError("pgvigil.yml: unknown key"), 422),
        (TargetUnreachable('could not reach "orders"'), 502),
        (StateError("could not write the state file"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failure_of_the_operator_is_told_in_words(
    served: Served, failure: Exception, status: int
) -> None:
    served.operator.failure = failure

    response = await served.client.post(
        "/api/v1/actions/7/approve", headers=OPERATE, json={}
    )

    body = await response.json()
    assert response.status == status
    assert body["error"] == failure.args[0]
    assert body.get("hint", "") == getattr(failure, "hint", "")


async def test_an_unexpected_failure_tells_nothing_about_itself(
    served: Served,
) -> None:
    served.operator.failure = RuntimeError(states.CANARY)

    response = await served.client.post("/-/reload", headers=OPERATE, json={})

    assert response.status == 500
    assert await response.json() == {"error": "internal error"}
