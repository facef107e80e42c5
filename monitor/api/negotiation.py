"""Which format and encoding a client asks for. Source: RFC 9110, section 12.5."""

from __future__ import annotations

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wants_openmetrics(accept: str) -> bool:
    """Say whether OpenMetrics is asked for by name and at least as much as text."""
    wanted = _weights(accept)
    openmetrics = wanted.get("application/openmetrics-text", 0.0)
    return openmetrics > 0 and openmetrics >= wanted.get("text/plain", 0.0)


def takes_gzip(accept_encoding: str) -> bool:
    """Say whether gzip may be sent; `*` includes it, `q=0` excludes it."""
    wanted = _weights(accept_encoding)
    return wanted.get("gzip", wanted.get("*", 0.0)) > 0


def _weights(header: str) -> dict[str, float]:
    """Return the largest weight of each name in a header."""
    found: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name:
            key = name.lower()
            found[key] = max(found.get(key, 0.0), _weight(parameters))
    return found


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
