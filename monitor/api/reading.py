"""Serves `/api/v1` reads: lists, single objects, status, readiness."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

from aiohttp import web

from monitor.api.context import CONTEXT, Context
from monitor.api.lists import Asked, Listing, Ranked
from monitor.api.query import Query, parse, select, value
from monitor.api.responses import Answer, Problem, json_answer, respond
from monitor.logs import redact
from monitor.model import shape
from monitor.model.finding import TrackedFinding
from monitor.model.listing.locks import locks
from monitor.model.listing.readiness import overall, readiness
from monitor.model.listing.rls import rls_target
from monitor.model.listing.targets import open_by_severity
from monitor.model.shape import Shape
from monitor.model.state import State, TargetState

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reads(make: Callable[[web.Request, State], Answer]) -> Handler:
    """Return a handler that makes its answer in a thread, from one state."""

    async def handle(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        state = context.states.current()
        return await context.off_loop(lambda: respond(request, make(request, state)))

    return handle


def get_list(listing: Listing) -> Handler:
    """Return the handler of a list."""
    return reads(partial(_list, listing))


def get_one(listing: Listing) -> Handler:
    """Return the handler of a list's single objects."""
    return reads(partial(_one, listing))


def _list(listing: Listing, request: web.Request, state: State) -> Answer:
    query = parse(
        request.query.items(),
        filters=listing.filters,
        orders=listing.orders,
        limit=listing.limit,
    )
    rows, total = select(listing.rows(_asked(request, state, query)), query)
    body: Shape = {listing.name: [_shown(row) for row in rows]}
    if listing.name == "locks":
        found = state.targets if query.target is None else [state.target(query.target)]
        views = (one.view for one in found if one is not None and one.view is not None)
        body["modes"] = [shape.plain(lock) for view in views for lock in locks(view)]
    if listing.name == "rls":
        asked = _asked(request, state, query)
        body["targets"] = [shape.plain(rls_target(one)) for one in asked.targets]
    return json_answer(body, X_Total_Count=str(total))


def _asked(request: web.Request, state: State, query: Query) -> Asked:
    context = request.app[CONTEXT]
    if query.target is not None and state.target(query.target) is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of that name")
    return Asked(
        state=state,
        target=query.target,
        has_texts=_has_texts(context),
    )


def _has_texts(context: Context) -> bool:
    return context.options.has_query_text


def _one(listing: Listing, request: web.Request, state: State) -> Answer:
    query = parse(request.query.items(), filters=("target",))
    wanted = request.match_info["id"]
    asked = _asked(request, state, query)
    found = [
        row for row in listing.rows(asked) if str(value(row, listing.key)) == wanted
    ]
    if not found:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no such {listing.one}")
    if not listing.is_unique:
        return json_answer({listing.name: [_shown(row) for row in found]})
    if len(found) > 1:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"several targets have this {listing.one}; add ?target=NAME",
        )
    body: Shape = {listing.one: _shown(found[0])}
    if listing.name == "findings":
        body |= _around(state, wanted)
    return json_answer(body)


def _shown(row: object) -> object:
    """Return a row as JSON; one that was only ranked so far is made now."""
    return shape.plain(row.entry() if isinstance(row, Ranked) else row)


def _around(state: State, finding_id: str) -> Shape:
    """Return what belongs to a finding without being part of its shape."""
    tracked = find(state, finding_id)
    mute = tracked.mute if tracked else None
    check = tracked.finding.check if tracked else ""
    return {
        "mute": shape.mute_as_dict(mute) if mute else None,
        "runbook": f"/runbooks/{check}",
        "alert_severity": tracked.finding.alert_severity if tracked else None,
    }


def find(state: State, finding_id: str) -> TrackedFinding | None:
    """Return a finding by its id, whatever target it is about."""
    found = (t for target in state.targets for t in target.findings)
    return next((t for t in found if t.finding.id == finding_id), None)


def status(_request: web.Request, state: State) -> Answer:
    """Make the daemon's own state, with a line for each target."""
    counts = [open_by_severity(target) for target in state.targets]
    return json_answer(
        {
            "version": state.version,
            "instance": state.instance,
            "started_at": shape.moment(state.started_at),
            "at": shape.moment(state.at),
            "generation": state.generation,
            "is_paused": state.is_paused,
            "has_finished_first_cycle": state.has_finished_first_cycle,
            "config_loaded_at": shape.moment(state.config_loaded_at),
            "config_error": redact(state.config_error),
            "state_error": redact(state.state_error),
            "findings": {
                name: sum(count[name] for count in counts)
                for name in ("critical", "warning", "info")
            },
            "targets": [_line(target) for target in state.targets],
            "notifiers": [_notifier(one) for one in state.notifiers],
        }
    )


def _notifier(one: shape.NotifierStatus) -> Shape:
    shown = shape.notifier_as_dict(one)
    return {
        **shown,
        "receiver": redact(one.receiver),
        "error": redact(one.error),
    }


def _line(target: TargetState) -> Shape:
    server = target.server
    return {
        "name": target.target.name,
        "up": target.up,
        "error": redact(target.error),
        "role": ("standby" if server.is_standby else "primary") if server else None,
        "version": server.version if server else None,
        "last_cycle": shape.moment(target.last_cycle),
        "findings": open_by_severity(target),
    }


def ready_for_production(_request: web.Request, state: State) -> Answer:
    """Make the readiness report."""
    items = readiness(state)
    return json_answer(
        {
            "overall": overall(items),
            "readiness": [
                {**shape.plain_fields(item), "detail": redact(item.detail)}
                for item in items
            ],
        }
    )
