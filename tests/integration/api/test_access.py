"""Who may do what, route by route."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest
import yaml

from monitor.api.access import Access
from monitor.api.routes import Route, routes
from tests.integration.api.serving import (
    OPERATE,
    OPTIONS,
    TOKEN,
    Served,
    serving,
)

ALL = routes()
OPERATING = [route for route in ALL if route.access is Access.OPERATE]
PLACES = {"id": "7", "name": "query_time"}
QUERIES = {
    "/primary": "?target=orders",
    "/replica": "?target=orders-replica",
    "/read-only": "?target=orders",
}
GOOD = base64.b64encode(b"scraper:correct horse").decode()
BAD = base64.b64encode(b"scraper:wrong").decode()
REFUSED = {401, 403, 405}


def path(route: Route) -> str:
    return route.path.format(**PLACES) + QUERIES.get(route.path, "")


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def write_users(file: Path, user: str, password: bytes) -> None:
    hashed = bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()
    write(file, yaml.safe_dump({"basic_auth_users": {user: hashed}}))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture
def web_config(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    write_users(file, "scraper", b"correct horse")
    return file


@pytest.fixture
async def guarded(web_config: Path) -> AsyncIterator[Served]:
    async with serving(options=replace(OPTIONS, web_config_file=web_config)) as running:
        yield running


def test_every_unsafe_route_asks_for_the_operator() -> None:
    unsafe = [r for r in ALL if r.method not in ("GET", "HEAD", "OPTIONS")]

    assert unsafe == OPERATING
    assert len(OPERATING) == 6


@pytest.mark.promise(17)
@pytest.mark.parametrize("route", OPERATING, ids=name)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {GOOD}"},
        OPERATE | {"Origin": "https://evil.example"},
        OPERATE | {"Origin": "null"},
        OPERATE | {"Sec-Fetch-Site": "cross-site"},
        OPERATE | {"Content-Type": "text/plain"},
        OPERATE | {"Content-Type": "application/x-www-form-urlencoded"},
    ],
    ids=str,
)
async def test_operating_is_refused_without_all_three(
    served: Served, route: Route, headers: dict[str, str]
) -> None:
    given = {"Content-Type": "application/json"} | headers

    response = await served.client.post(path(route), headers=given, data=b"{}")

    assert response.status in REFUSED
    assert "error" in await response.json()
    assert served.operator.calls == []


@pytest.mark.promise(17)
@pytest.mark.parametrize("route", OPERATING, ids=name)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_operating_takes_no_method_but_post(
    served: Served, route: Route, method: str
) -> None:
    response = await served.client.request(method, path(route), headers=OPERATE)

    assert response.status == 405
    assert served.operator.calls == []


@pytest.mark.promise(17)
@pytest.mark.parametrize("route", OPERATING, ids=name)
@pytest.mark.parametrize("token", [None, lambda: ""], ids=["none", "empty"])
async def test_nobody_operates_where_no_token_is_configured(
    route: Route, token: None
) -> None:
    async with serving(options=replace(OPTIONS, token=token)) as served:
        for headers in (OPERATE, {"Authorization": "Bearer "}, {}):
            response = await served.client.post(path(route), headers=headers, json={})

            assert response.status == 403
            assert served.operator.calls == []


@pytest.mark.promise(17)
async def test_a_token_file_that_is_gone_lets_nobody_operate(tmp_path: Path) -> None:
    missing = tmp_path / "token"
    options = replace(OPTIONS, token=missing.read_text)

    async with serving(options=options) as served:
        refused = await served.client.post("/-/reload", headers=OPERATE, json={})
        missing.write_text(TOKEN)
        taken = await served.client.post("/-/reload", headers=OPERATE, json={})

    assert (refused.status, taken.status) == (403, 200)


@pytest.mark.promise(17)
@pytest.mark.parametrize("route", [r for r in ALL if r not in OPERATING], ids=name)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_what_reads_takes_no_unsafe_method(
    served: Served, route: Route, method: str
) -> None:
    response = await served.client.request(
        method, path(route), headers=OPERATE, json={}
    )

    assert response.status == 405
    assert served.operator.calls == []


@pytest.mark.parametrize("route", [r for r in ALL if r not in OPERATING], ids=name)
async def test_users_guard_what_is_not_open(guarded: Served, route: Route) -> None:
    asked = path(route)
    client = guarded.client

    async def status(authorization: str | None) -> int:
        headers = {"Authorization": authorization} if authorization else {}
        return (await client.request(route.method, asked, headers=headers)).status

    if route.access is Access.OPEN:
        assert await status(None) == 200
        return
    assert await status(None) == 401
    assert await status(f"Basic {BAD}") == 401
    assert await status("Basic !!!") == 401
    assert await status("Bearer wrong") == 401
    assert await status(f"Basic {GOOD}") in (200, 404)
    assert await status(f"Bearer {TOKEN}") in (200, 404)


async def test_head_is_guarded_like_get(guarded: Served) -> None:
    response = await guarded.client.head("/metrics")

    assert response.status == 401


async def test_a_refused_reader_is_told_how_to_authenticate(guarded: Served) -> None:
    response = await guarded.client.get("/metrics")

    assert response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.promise(17)
async def test_a_user_who_may_read_may_not_operate(guarded: Served) -> None:
    response = await guarded.client.post(
        "/-/pause", headers={"Authorization": f"Basic {GOOD}"}, json={}
    )

    assert response.status == 401
    assert guarded.operator.calls == []


async def test_an_unknown_user_is_refused_like_a_wrong_password(
    guarded: Served,
) -> None:
    stranger = base64.b64encode(b"nobody:xxxxxxxx").decode()

    response = await guarded.client.get(
        "/", headers={"Authorization": f"Basic {stranger}"}
    )

    assert response.status == 401


async def test_users_change_with_the_file(guarded: Served, web_config: Path) -> None:
    headers = {"Authorization": f"Basic {GOOD}"}
    before = await guarded.client.get("/metrics", headers=headers)

    write_users(web_config, "other", b"another")
    after = await guarded.client.get("/metrics", headers=headers)

    assert (before.status, after.status) == (200, 401)


async def test_a_broken_file_keeps_the_users_it_had(
    guarded: Served, web_config: Path
) -> None:
    write(web_config, "basic_auth_users: [")

    anonymous = await guarded.client.get("/metrics")
    known = await guarded.client.get(
        "/metrics", headers={"Authorization": f"Basic {GOOD}"}
    )

    assert (anonymous.status, known.status) == (401, 200)


async def test_an_unknown_path_answers_json(served: Served) -> None:
    response = await served.client.get("/no/such/path")

    assert response.status == 404
    assert await response.json() == {"error": "not found"}


async def test_own_and_external_origin_may_operate() -> None:
    options = replace(OPTIONS, external_url="https://watch.example/pgvigil")

    async with serving(options=options) as served:
        own = str(served.client.make_url("/")).rstrip("/")
        for origin in (own, "https://watch.example"):
            response = await served.client.post(
                "/-/reload", headers=OPERATE | {"Origin": origin}, json={}
            )

            assert response.status == 200


async def test_a_body_that_is_too_long_is_refused(served: Served) -> None:
    response = await served.client.post(
        "/-/reload", headers=OPERATE, json={"by": "x" * 100_000}
    )

    assert response.status == 413
    assert served.operator.calls == []
