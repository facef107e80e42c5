"""`/metrics`: the last snapshot's page, rendered before anybody asked."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from monitor.api.context import CONTEXT
from monitor.api.negotiation import OPENMETRICS, TEXT, takes_gzip, wants_openmetrics
from monitor.api.responses import Problem
from monitor.model.state import Exposition, State


async def get_metrics(request: web.Request) -> web.Response:
    """Serve all targets, or the one that `?target=` names.

    A name is looked up among the configured ones and never reaches a resolver.
    """
    context = request.app[CONTEXT]
    state = context.states.current()
    wanted = wants_openmetrics(request.headers.get(hdrs.ACCEPT, ""))
    openmetrics = wanted and not context.options.has_legacy_names
    compressed = takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
    name = request.query.get("target")

    def body() -> bytes | None:
        page = state.exposition if name is None else _page_of(state, name)
        if page is None:
            return None
        return page.body(openmetrics=openmetrics, compressed=compressed)

    found = await context.off_loop(body)
    if found is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "no metrics have been rendered yet"
        )
    headers = {
        hdrs.CONTENT_TYPE: OPENMETRICS if openmetrics else TEXT,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}",
    }
    if compressed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=found, headers=headers)


def _page_of(state: State, name: str) -> Exposition | None:
    target = state.target(name)
    if target is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of that name")
    return target.exposition


async def get_service_discovery(request: web.Request) -> web.Response:
    """List the targets in Prometheus's http_sd form, one scrape for each.

    The targets' own labels are left out: their series carry them already.
    """
    context = request.app[CONTEXT]
    origin = context.options.external_origin or f"{request.scheme}://{request.host}"
    scheme, _, address = origin.partition("://")
    return web.json_response(
        [
            {
                "targets": [address],
                "labels": {
                    "__scheme__": scheme,
                    "__metrics_path__": "/metrics",
                    "__param_target": found.target.name,
                    "instance": found.target.name,
                },
            }
            for found in context.states.current().targets
        ]
    )
