"""Lists, single objects, filters, caching, and the description of it all."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from monitor.api.access import Access
from monitor.api.lists import LISTINGS, Listing
from monitor.api.openapi import document
from monitor.api.routes import Route, routes
from tests.integration.api.serving import OPTIONS, Served, serving
from tests.unit import states

DESCRIPTION: Any = document("0.1.0", routes())
READING = [
    route
    for route in routes()
    if route.access is Access.READ and route.path.startswith("/api/v1/")
]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


async def get(served: Served, path: str, status: int = 200) -> Any:
    response = await served.client.get(path)
    assert response.status == status, await response.text()
    return await response.json()


def test_the_description_is_valid_openapi() -> None:
    validate(DESCRIPTION)


async def test_the_description_is_served(served: Served) -> None:
    assert await get(served, "/api/v1/openapi.json") == DESCRIPTION


def test_every_route_is_described() -> None:
    described = {
        (path, method.upper())
        for path, operations in DESCRIPTION["paths"].items()
        for method in operations
    }

    assert described == {(route.path, route.method) for route in routes()}


def check(path: str, body: Any) -> None:
    """Hold a body against what the description says of its path."""
    answer = DESCRIPTION["paths"][path]["get"]["responses"]["200"]
    schema = answer["content"]["application/json"]["schema"]
    rooted = schema | {"components": DESCRIPTION["components"]}
    validator: Any = jsonschema.Draft202012Validator(rooted)
    validator.validate(body)


@pytest.mark.parametrize(
    "route", [r for r in READING if "{" not in r.path], ids=lambda r: r.path
)
async def test_every_answer_is_as_described(served: Served, route: Route) -> None:
    body = await get(served, route.path)

    check(route.path, body)


@pytest.mark.parametrize(
    "listing", [x for x in LISTINGS if x.key], ids=lambda x: x.name
)
async def test_every_row_of_a_list_has_a_page_of_its_own(
    served: Served, listing: Listing
) -> None:
    rows = (await get(served, f"/api/v1/{listing.name}"))[listing.name]

    assert rows
    for row in rows:
        body = await get(served, f"/api/v1/{listing.name}/{row[listing.key]}")

        check(f"/api/v1/{listing.name}/{{id}}", body)
        found = [body[listing.one]] if listing.is_unique else body[listing.name]
        assert row in found


@pytest.mark.parametrize(
    "listing", [x for x in LISTINGS if x.key], ids=lambda x: x.name
)
async def test_an_unknown_id_is_not_found(served: Served, listing: Listing) -> None:
    body = await get(served, f"/api/v1/{listing.name}/nothing", 404)

    assert body == {"error": f"there is no such {listing.one}"}


async def test_findings_come_most_urgent_first(served: Served) -> None:
    found = (await get(served, "/api/v1/findings"))["findings"]

    shown = [(f["state"], f["severity"]) for f in found]
    assert shown == [
        ("open", "critical"),
        ("open", "critical"),
        ("open", "warning"),
        ("open", "warning"),
        ("open", "warning"),
        ("open", "info"),
        ("muted", "warning"),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=critical", 2),
        ("target=orders-replica", 1),
        ("check=unused_index", 1),
        ("database=shop", 5),
        ("database=shop&severity=warning", 3),
        ("target=legacy", 0),
        ("limit=2", 2),
    ],
)
async def test_findings_are_filtered(served: Served, query: str, expected: int) -> None:
    found = (await get(served, f"/api/v1/findings?{query}"))["findings"]

    assert len(found) == expected


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("findings?colour=red", 400, 'unknown parameter "colour"'),
        ("findings?severity=fatal", 400, "severity must be critical, warning or info"),
        ("findings?order=id", 400, 'unknown parameter "order"'),
        ("findings?target=nobody", 404, "there is no target of that name"),
        ("findings?target=a&target=b", 400, 'parameter "target" is given twice'),
        ("tables?limit=0", 400, "limit must be from 1 to 10000"),
        ("tables?limit=10001", 400, "limit must be from 1 to 10000"),
        ("tables?limit=-1", 400, "limit must be from 1 to 10000"),
        ("tables?limit=99999999999999999999", 400, "limit must be from 1 to 10000"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(
    served: Served, path: str, status: int, error: str
) -> None:
    body = await get(served, f"/api/v1/{path}", status)

    assert body == {"error": error}


async def test_an_order_that_does_not_exist_names_those_that_do(
    served: Served,
) -> None:
    body = await get(served, "/api/v1/indexes?order=colour", 400)

    assert body["error"] == (
        "order must be one of size_bytes, idx_scan, window_scans, idx_tup_read"
    )


async def test_tables_are_ordered_with_the_unknown_last(served: Served) -> None:
    by_size = (await get(served, "/api/v1/tables"))["tables"]
    by_dead = (await get(served, "/api/v1/tables?order=n_dead_tup&limit=1"))["tables"]
    indexes = (await get(served, "/api/v1/indexes"))["indexes"]

    assert [t["name"] for t in by_size[:2]] == ["events", "order_lines"]
    assert [t["name"] for t in by_dead] == ["events"]
    assert indexes[-1]["size_bytes"] is None


async def test_a_cut_list_says_how_many_there_are(served: Served) -> None:
    response = await served.client.get("/api/v1/tables?limit=2")

    assert response.headers["X-Total-Count"] == "5"


async def test_an_action_number_of_several_targets_is_ambiguous() -> None:
    twin = states.standby(actions=(states.entry(),))
    state = states.state(states.primary(), twin)

    async with serving(state) as served:
        await get(served, "/api/v1/actions/7", 409)
        await get(served, "/api/v1/actions/7?target=orders")


async def test_a_finding_comes_with_its_mute_and_runbook(served: Served) -> None:
    muted = next(t for t in states.findings() if t.mute).finding.id

    body = await get(served, f"/api/v1/findings/{muted}")

    assert body["mute"]["by"] == "ann"
    assert body["runbook"] == "/runbooks/long_transaction"
    assert body["alert_severity"] == "warning"


async def test_a_lint_alerts_at_most_at_warning() -> None:
    lint = replace(states.UNWRAPPED, severity=states.Severity.CRITICAL)
    primary = states.primary(findings=(states.tracked(lint, states.NOW),))

    async with serving(states.state(primary)) as running:
        found = (await get(running, "/api/v1/findings"))["findings"][0]
        body = await get(running, f"/api/v1/findings/{found['id']}")

    assert body["finding"]["severity"] == "critical"
    assert body["alert_severity"] == "warning"


@pytest.mark.parametrize(
    ("host", "exposes", "is_shown"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("", None, False),
        ("db.example", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
async def test_texts_are_shown_on_loopback_or_where_told(
    *, host: str, exposes: bool | None, is_shown: bool
) -> None:
    options = replace(OPTIONS, host=host, expose_query_text=exposes)

    async with serving(options=options) as served:
        rows = (await get(served, "/api/v1/statements"))["statements"]
        page = await (await served.client.get("/")).text()

    assert (rows[0]["text"] is not None) is is_shown
    assert ("updated_at = now()" in page) is is_shown


async def test_a_known_body_is_not_sent_again(served: Served) -> None:
    first = await served.client.get("/api/v1/tables")
    tag = first.headers["ETag"]

    again = await served.client.get("/api/v1/tables", headers={"If-None-Match": tag})
    other = await served.client.get("/api/v1/rls", headers={"If-None-Match": tag})

    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["ETag"] == tag
    assert other.status == 200


async def test_a_large_body_is_compressed_for_who_takes_it(served: Served) -> None:
    plain = await served.client.get(
        "/api/v1/tables", headers={"Accept-Encoding": "identity"}
    )
    small = await served.client.get(
        "/api/v1/tables", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
    )

    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await small.read()) == await plain.read()
    assert small.headers["ETag"] == plain.headers["ETag"]


async def test_status_sums_up_all_targets(served: Served) -> None:
    body = await get(served, "/api/v1/status")

    assert body["findings"] == {"critical": 2, "warning": 3, "info": 1}
    assert [t["name"] for t in body["targets"]] == [
        "orders",
        "orders-replica",
        "legacy",
    ]
    assert [t["up"] for t in body["targets"]] == [True, True, False]


async def test_an_empty_daemon_answers_everything() -> None:
    async with serving(states.state(targets=())) as served:
        for listing in LISTINGS:
            body = await get(served, f"/api/v1/{listing.name}")

            assert body[listing.name] == []
        assert (await served.client.get("/")).status == 200


@pytest.mark.promise(13, 14)
@pytest.mark.parametrize("route", routes(), ids=lambda r: f"{r.method} {r.path}")
async def test_no_password_is_in_any_answer(served: Served, route: Route) -> None:
    names = {"id": "orders", "name": "query_time"}
    path = route.path.format(**names)

    for query in ("", "?verbose", "?target=legacy"):
        response = await served.client.request(route.method, path + query)

        assert states.CANARY not in await response.text()
        assert states.CANARY not in str(response.headers)


async def test_responses_cannot_be_framed_sniffed_or_scripted(served: Served) -> None:
    for path in ("/", "/metrics", "/api/v1/status", "/no/such/path"):
        headers = (await served.client.get(path)).headers

        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert headers["Server"] == "pgvigil"
