"""Selectors and rates as every panel writes them.

Each carries the dashboard's variables, so that no panel shows a server that was
not chosen.
"""

from __future__ import annotations

_JOB = 'job=~"$job"'
_SERVER = 'server=~"$server"'
_DATABASE = 'datname=~"$datname"'


def of_daemon(metric: str, *matchers: str) -> str:
    """Return the selector of a metric of the daemon as a whole."""
    return _selector(metric, _JOB, *matchers)


def of_server(metric: str, *matchers: str) -> str:
    """Return the selector of a metric that each server has."""
    return _selector(metric, _JOB, _SERVER, *matchers)


def of_database(metric: str, *matchers: str) -> str:
    """Return the selector of a metric that each database has."""
    return _selector(metric, _JOB, _SERVER, _DATABASE, *matchers)


def _selector(metric: str, *matchers: str) -> str:
    return f"{metric}{{{', '.join(matchers)}}}"


def rate(selector: str) -> str:
    """Return a counter's increase per second."""
    return f"rate({selector}[$__rate_interval])"


def increase(selector: str) -> str:
    """Return a counter's increase between two points of a graph."""
    return f"increase({selector}[$__rate_interval])"


def busiest(vector: str, ranked: str, *, most: int = 10) -> str:
    """Return the series of `vector` that are the largest over the whole graph.

    `ranked` is the same expression over `$__range`. Ranking every point of the
    graph anew, as topk alone does, draws a line for whatever was on top once.
    """
    return f"{vector} and topk({most}, {ranked})"


def over_range(selector: str) -> str:
    """Return a counter's increase per second over the whole graph, at its end."""
    return f"rate({selector}[$__range] @ end())"


def total(labels: str, vector: str) -> str:
    """Return the sums of a vector by labels."""
    return f"sum by ({labels}) ({vector})"


def largest(labels: str, vector: str) -> str:
    """Return the largest values of a vector by labels.

    Two daemons that watch the same server then show it once.
    """
    return f"max by ({labels}) ({vector})"


def top(most: int, vector: str) -> str:
    """Return the series with the largest values at this moment."""
    return f"topk({most}, {vector})"


def so_far(selector: str) -> str:
    """Return a counter's increase over the whole time that is shown."""
    return f"increase({selector}[$__range])"


def over(part: str, whole: str) -> str:
    """Return a ratio, none where there is nothing to take a share of."""
    return f"{part}\n  / ({whole} > 0)"
