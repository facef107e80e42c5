"""Is the daemon alive, is it ready, and which server is a primary or standby."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from aiohttp import hdrs, web

from monitor.api.context import CONTEXT
from monitor.api.responses import Problem, error_response, json_bytes
from monitor.model.rows.recovery import RecoveryRow
from monitor.model.shape import Shape, moment
from monitor.model.state import State, TargetState

_UNITS = {"": 1, "B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_SPANS = {"ms": 0.001, "s": 1, "min": 60}
_LAG = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that must hold, with a word on why it does not."""

    name: str
    holds: bool
    reason: str = ""


def live(state: State, now: datetime, longest_silence: timedelta) -> list[HealthCheck]:
    """Return what makes the process alive: its scheduler turns. No SQL is run."""
    silence = now - state.heartbeat
    is_turning = silence <= longest_silence or not state.targets
    reason = f"the scheduler has been silent for {silence.total_seconds():.0f} s"
    return [HealthCheck("scheduler", is_turning, reason)]


def ready(state: State) -> list[HealthCheck]:
    """Return what makes it ready: configured, and each target tried once.

    Whatever the outcome: were it not ready because a server is down, the scrape
    that shows `pg_up` 0 would be taken out of service.
    """
    has_config = state.config_loaded_at is not None or bool(state.targets)
    return [
        HealthCheck("configuration", has_config, "no configuration has been loaded"),
        HealthCheck(
            "first_cycle",
            state.has_finished_first_cycle,
            "some targets have not been tried yet",
        ),
    ]


async def get_livez(request: web.Request) -> web.Response:
    """Answer 200 while the scheduler turns."""
    context = request.app[CONTEXT]
    options = context.options
    checks = live(context.states.current(), options.now(), options.longest_silence)
    return _health(request, checks)


async def get_readyz(request: web.Request) -> web.Response:
    """Answer 200 once every target has been tried."""
    return _health(request, ready(request.app[CONTEXT].states.current()))


def _health(request: web.Request, checks: list[HealthCheck]) -> web.Response:
    is_well = all(check.holds for check in checks)
    lines = ["ok" if is_well else "failed"]
    if "verbose" in request.query:
        lines = [
            f"[+]{c.name} ok" if c.holds else f"[-]{c.name} failed: {c.reason}"
            for c in checks
        ] + lines
    return web.Response(
        text="\n".join(lines) + "\n",
        status=HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


async def get_primary(request: web.Request) -> web.Response:
    """Answer 200 if the target was a writable primary a moment ago."""
    found, shown = _fresh(request)
    return _role(shown, holds=not _is_standby(found))


async def get_replica(request: web.Request) -> web.Response:
    """Answer 200 if the target was a standby, no further behind than `?lag=`.

    `10MB` bounds the WAL that is received but not replayed, `5s` the age of the
    last replayed transaction. A standby without a WAL receiver has no known lag.
    """
    found, shown = _fresh(request)
    holds = _is_standby(found)
    limit = request.query.get("lag")
    if limit is not None:
        holds = holds and _is_within(found, limit)
    return _role(shown, holds=holds)


async def get_read_only(request: web.Request) -> web.Response:
    """Answer 200 if the target served reads a moment ago, whatever its role."""
    _, shown = _fresh(request)
    return _role(shown, holds=True)


def _fresh(request: web.Request) -> tuple[TargetState, Shape]:
    context = request.app[CONTEXT]
    state, now = context.states.current(), context.options.now()
    found = _wanted(state, request.query.get("target"))
    allowed = max(
        context.options.freshness,
        _INTERVALS * found.target.intervals.activity * found.own_cost.stretch,
    )
    shown: Shape = {
        "target": found.target.name,
        "role": "standby" if _is_standby(found) else "primary",
        "last_cycle": moment(found.last_cycle),
    }
    if not found.up or found.server is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the server does not answer")
    if found.last_cycle is None or now - found.last_cycle > allowed:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "what is known is too old")
    return found, shown


def _wanted(state: State, name: str | None) -> TargetState:
    if name is not None:
        if (found := state.target(name)) is not None:
            return found
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of that name")
    if len(state.targets) == 1:
        return state.targets[0]
    raise Problem(HTTPStatus.BAD_REQUEST, "there are several targets; add ?target=NAME")


def _is_standby(found: TargetState) -> bool:
    return found.server is not None and found.server.is_standby


def _is_within(found: TargetState, limit: str) -> bool:
    match = _LAG.fullmatch(limit)
    number, unit = (float(match[1]), match[2]) if match else (0.0, "?")
    recovery = next(iter(found.view.rows(RecoveryRow)), None) if found.view else None
    is_streaming = recovery is not None and recovery.receiver_status == "streaming"
    if unit in _UNITS:
        lag = recovery.replay_lag_bytes if recovery else None
        return is_streaming and lag is not None and lag <= number * _UNITS[unit]
    if unit in _SPANS:
        # No age while all received WAL is replayed: nothing is behind.
        age = (recovery.replay_age_seconds if recovery else None) or 0.0
        return is_streaming and age <= number * _SPANS[unit]
    raise Problem(HTTPStatus.BAD_REQUEST, "lag must be a size or a time: 10MB, 5s")


def _role(shown: Shape, *, holds: bool) -> web.Response:
    if not holds:
        return error_response(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not in that role, or too far behind",
            shown={key: str(value) for key, value in shown.items()},
        )
    return web.Response(
        body=json_bytes(shown),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )
