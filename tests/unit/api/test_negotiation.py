"""Formats and encodings that clients ask for."""

from __future__ import annotations

import pytest

from monitor.api.negotiation import takes_gzip, wants_openmetrics


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text",
        "Application/OpenMetrics-Text; version=1.0.0",
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.5",
        "text/plain;q=0.4, application/openmetrics-text;q=0.6",
        "application/openmetrics-text;q=0.1, application/openmetrics-text;q=0.9",
    ],
)
def test_openmetrics_is_sent_to_who_prefers_it(accept: str) -> None:
    assert wants_openmetrics(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html",
        "text/plain",
        "text/plain, application/openmetrics-text;q=0.9",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=x",
    ],
)
def test_everybody_else_gets_text(accept: str) -> None:
    assert not wants_openmetrics(accept)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP;q=0.1", "*", "br, gzip", "br,*"])
def test_gzip_is_sent_to_who_takes_it(encoding: str) -> None:
    assert takes_gzip(encoding)


@pytest.mark.parametrize(
    "encoding", ["", "identity", "br", "gzip;q=0", "*, gzip;q=0", "gzip;q=0.0"]
)
def test_gzip_is_not_forced_on_anybody(encoding: str) -> None:
    assert not takes_gzip(encoding)
