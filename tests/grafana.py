"""Does with a dashboard what Grafana does before it asks Prometheus."""

from __future__ import annotations

import re
from collections.abc import Mapping

BUILT_IN = {"__rate_interval": "60s", "__range": "600s"}
"""Grafana's own for Prometheus's usual interval of scrapes, and a short graph."""

EVERYTHING = {"job": ".+", "server": ".+", "datname": ".*", "queryid": ".+"}

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def interpolate(expr: str, values: Mapping[str, str] = EVERYTHING) -> str:
    """Return a query with its variables replaced.

    Raises:
        KeyError: a variable is not known.
    """
    known = {**BUILT_IN, **values}
    return _VARIABLE.sub(lambda match: known[match[1] or match[2]], expr)
