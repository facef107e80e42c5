"""Every route with the access it asks for: one table for router, gate and OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from monitor.api import health, metrics, openapi, operating, page
from monitor.api.access import Access
from monitor.api.bodies import Readiness, Status
from monitor.api.inputs import ActionInput, MuteInput, PauseInput, ReloadInput
from monitor.api.lists import LISTINGS, Listing
from monitor.api.reading import (
    Handler,
    get_list,
    get_one,
    reads,
    ready_for_production,
    status,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route. `body` is what a POST takes, `answer` or `listing` what comes back."""

    path: str
    access: Access
    handler: Handler
    summary: str
    method: str = "GET"
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    listing: Listing | None = None
    is_single: bool = False

    def add_to(self, router: web.UrlDispatcher) -> web.AbstractRoute:
        """Register the route; a GET answers HEAD as well."""
        if self.method == "GET":
            return router.add_get(self.path, self.handler)
        return router.add_route(self.method, self.path, self.handler)


def routes() -> tuple[Route, ...]:
    """Return all routes."""
    return (*_pages(), *_health(), *_lists(), *_operating())


def _pages() -> Iterator[Route]:
    yield Route(
        path="/",
        access=Access.READ,
        handler=reads(page.status_page),
        summary="The status page.",
    )
    yield Route(
        path="/runbooks/{name}",
        access=Access.OPEN,
        handler=reads(page.runbook_page),
        summary="A check's own page.",
    )
    yield Route(
        path="/metrics",
        access=Access.SCRAPE,
        handler=metrics.get_metrics,
        summary="Metrics of all targets, or of the one that ?target= names.",
    )
    yield Route(
        path="/api/v1/sd",
        access=Access.SCRAPE,
        handler=metrics.get_service_discovery,
        summary="Our targets in Prometheus's http_sd form.",
    )
    yield Route(
        path="/api/v1/openapi.json",
        access=Access.READ,
        handler=reads(lambda _request, state: openapi.answer(state, routes())),
        summary="This description.",
    )


_HEALTH: tuple[tuple[str, Handler, str], ...] = (
    ("/livez", health.get_livez, "Is the daemon alive; ?verbose says why not."),
    ("/healthz", health.get_livez, "The same as /livez."),
    ("/readyz", health.get_readyz, "Has every target been tried once."),
    ("/primary", health.get_primary, "Was the target a primary a moment ago."),
    ("/replica", health.get_replica, "Was it a standby, within ?lag=10MB or 5s."),
    ("/read-only", health.get_read_only, "Did it serve reads a moment ago."),
)


def _health() -> Iterator[Route]:
    for path, handler, summary in _HEALTH:
        yield Route(path=path, access=Access.OPEN, handler=handler, summary=summary)
        # Load balancers ask with OPTIONS, as they do of Patroni.
        yield Route(
            path=path,
            access=Access.OPEN,
            handler=handler,
            summary=summary,
            method="OPTIONS",
        )


def _lists() -> Iterator[Route]:
    yield Route(
        path="/api/v1/status",
        access=Access.READ,
        handler=reads(status),
        summary="The daemon's own state, with a line for each target.",
        answer=Status,
    )
    yield Route(
        path="/api/v1/readiness",
        access=Access.READ,
        handler=reads(ready_for_production),
        summary="Is this ready for production, item by item.",
        answer=Readiness,
    )
    for listing in LISTINGS:
        yield Route(
            path=f"/api/v1/{listing.name}",
            access=Access.READ,
            handler=get_list(listing),
            summary=listing.summary,
            listing=listing,
        )
        if listing.key:
            yield Route(
                path=f"/api/v1/{listing.name}/{{id}}",
                access=Access.READ,
                handler=get_one(listing),
                summary=f"One {listing.one} by its {listing.key}.",
                listing=listing,
                is_single=True,
            )


_OPERATING: tuple[tuple[str, Handler, type[BaseModel], str], ...] = (
    (
        "/api/v1/actions/{id}/approve",
        operating.approve,
        ActionInput,
        "Let an action run in its next quiet moment.",
    ),
    (
        "/api/v1/actions/{id}/reject",
        operating.reject,
        ActionInput,
        "Close an action that awaits approval.",
    ),
    (
        "/api/v1/actions/{id}/undo",
        operating.undo,
        ActionInput,
        "Run the stored way back of a finished action.",
    ),
    (
        "/api/v1/findings/{id}/mute",
        operating.mute,
        MuteInput,
        "Keep a finding from alerting until a moment.",
    ),
    ("/-/reload", operating.reload, ReloadInput, "Read the configuration again."),
    ("/-/pause", operating.pause, PauseInput, "Stop all actions, or allow them."),
)


def _operating() -> Iterator[Route]:
    for path, handler, body, summary in _OPERATING:
        yield Route(
            path=path,
            access=Access.OPERATE,
            handler=handler,
            summary=summary,
            method="POST",
            body=body,
        )
