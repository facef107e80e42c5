"""POST: what an authorised operator may do. Nothing here acts by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import structlog
from aiohttp import web

from monitor.api import inputs
from monitor.api.context import CONTEXT, Context
from monitor.api.responses import Problem, error_response, json_answer, respond
from monitor.errors import ActionFailed, ConfigError, MonitorError, TargetError
from monitor.logs import redact
from monitor.model import shape
from monitor.model.action import JournalEntry

log = structlog.get_logger()

T = TypeVar("T")

_LONGEST_MUTE = timedelta(days=365)
_STATUS: tuple[tuple[type[MonitorError], HTTPStatus], ...] = (
    (ActionFailed, HTTPStatus.CONFLICT),
    (ConfigError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TargetError, HTTPStatus.BAD_GATEWAY),
)


class _Decide(Protocol):
    def __call__(
        self, target: str, action_id: int, by: str
    ) -> Awaitable[JournalEntry]: ...


async def approve(request: web.Request) -> web.StreamResponse:
    """Let an action that awaits approval run in its next quiet moment."""
    return await _decide(request, request.app[CONTEXT].operator.approve)


async def reject(request: web.Request) -> web.StreamResponse:
    """Close an action that awaits approval."""
    return await _decide(request, request.app[CONTEXT].operator.reject)


async def undo(request: web.Request) -> web.StreamResponse:
    """Run the stored way back of a finished action."""
    return await _decide(request, request.app[CONTEXT].operator.undo)


async def _decide(request: web.Request, decide: _Decide) -> web.StreamResponse:
    body = await inputs.read(request, inputs.ActionInput)
    text = request.match_info["id"]
    if not (text.isascii() and text.isdigit()):
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such action")
    number = int(text[:18])
    context = request.app[CONTEXT]
    target = body.target or _target_of(context, number)

    async def call() -> JournalEntry:
        return await decide(target, number, body.author)

    entry = await _carried_out(context, call())
    if isinstance(entry, web.Response):
        return entry
    return respond(request, json_answer({"action": shape.action_as_dict(entry)}))


def _target_of(context: Context, number: int) -> str:
    """Return the one target that has an action of this number."""
    targets = context.states.current().targets
    names = [t.target.name for t in targets if number in {e.id for e in t.actions}]
    if not names:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such action")
    if len(names) > 1:
        raise Problem(
            HTTPStatus.CONFLICT, 'several targets have this action; add "target"'
        )
    return names[0]


async def mute(request: web.Request) -> web.StreamResponse:
    """Keep a finding from alerting until a moment."""
    body = await inputs.read(request, inputs.MuteInput)
    context = request.app[CONTEXT]
    now = context.options.now()
    span = timedelta(seconds=body.duration_seconds or 0)
    until = body.until or now + span
    if not now < until <= now + _LONGEST_MUTE:
        raise Problem(HTTPStatus.BAD_REQUEST, "until must lie ahead, by a year at most")
    tracked = await _carried_out(
        context,
        context.operator.mute(
            request.match_info["id"], reason=body.reason, until=until, by=body.author
        ),
    )
    if isinstance(tracked, web.Response):
        return tracked
    shown = shape.mute_as_dict(tracked.mute) if tracked.mute else None
    answer: shape.Shape = {"finding": shape.finding_as_dict(tracked), "mute": shown}
    return respond(request, json_answer(answer))


async def reload(request: web.Request) -> web.StreamResponse:
    """Read the configuration again; an invalid one changes nothing."""
    await inputs.read(request, inputs.ReloadInput)
    context = request.app[CONTEXT]
    failure = await _carried_out(context, context.operator.reload())
    return failure or respond(request, json_answer({"reloaded": True}))


async def pause(request: web.Request) -> web.StreamResponse:
    """Stop every action on every target, or allow them again."""
    body = await inputs.read(request, inputs.PauseInput)
    context = request.app[CONTEXT]
    failure = await _carried_out(context, context.operator.pause(paused=body.paused))
    return failure or respond(request, json_answer({"paused": body.paused}))


async def _carried_out(
    context: Context, work: Coroutine[Any, Any, T]
) -> T | web.Response:
    """Return what the operator's work gives, or the response for its failure.

    A client that waited too long is told so; the work itself goes on, because
    half an action would be worse.
    """
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait(
        {task}, timeout=context.options.request_timeout.total_seconds()
    )
    if not done:
        task.add_done_callback(_note)
        return error_response(
            HTTPStatus.GATEWAY_TIMEOUT, "it is still being done; look again later"
        )
    try:
        return task.result()
    except LookupError as error:
        text = str(error.args[0]) if error.args else "it does not exist"
        return error_response(HTTPStatus.NOT_FOUND, redact(text))
    except MonitorError as error:
        known = (s for kind, s in _STATUS if isinstance(error, kind))
        status = next(known, HTTPStatus.INTERNAL_SERVER_ERROR)
        more = {"detail": error.detail, "hint": error.hint}
        shown = {key: redact(text) for key, text in more.items() if text}
        return error_response(status, redact(error.message), shown=shown)


def _note(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("operation_failed", error=str(error))
