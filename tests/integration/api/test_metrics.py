"""`/metrics` and service discovery."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from tests.integration.api.serving import OPTIONS, serving
from tests.unit import states

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;q=0.2,text/plain;q=0.9",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
    ],
)
async def test_the_format_follows_accept(accept: str, expected: str) -> None:
    async with serving() as served:
        response = await served.client.get("/metrics", headers={"Accept": accept})

        body = await response.text()
    assert response.headers["Content-Type"] == expected
    assert body.endswith("# EOF\n") is ("openmetrics" in expected)
    assert 'pg_up{server="orders"} 1\n' in body


async def test_gzip_is_sent_to_who_takes_it_only() -> None:
    async with serving() as served:
        packed = await served.client.get(
            "/metrics", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
        )
        plain = await served.client.get(
            "/metrics", headers={"Accept-Encoding": "gzip;q=0, identity"}
        )

        assert gzip.decompress(await packed.read()) == await plain.read()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Vary"] == "Accept, Accept-Encoding"


async def test_one_target_is_served_by_its_configured_name() -> None:
    async with serving() as served:
        response = await served.client.get("/metrics?target=legacy")

        assert await response.text() == 'pg_up{server="legacy"} 0\n'


@pytest.mark.parametrize(
    "name", ["nobody", "127.0.0.1:5432", "host=evil", "postgresql://evil/", ""]
)
async def test_what_is_no_configured_name_is_not_found(name: str) -> None:
    async with serving() as served:
        response = await served.client.get("/metrics", params={"target": name})

    assert response.status == 404


async def test_before_the_first_rendering_there_are_no_metrics() -> None:
    async with serving(states.state(exposition=None)) as served:
        response = await served.client.get("/metrics")

    assert response.status == 503


async def test_service_discovery_gives_one_scrape_per_target() -> None:
    options = replace(OPTIONS, external_url="https://watch.example:8443/pgvigil")

    async with serving(options=options) as served:
        found = await (await served.client.get("/api/v1/sd")).json()

    assert found[0] == {
        "targets": ["watch.example:8443"],
        "labels": {
            "__scheme__": "https",
            "__metrics_path__": "/metrics",
            "__param_target": "orders",
            "instance": "orders",
        },
    }
    assert len(found) == 3
