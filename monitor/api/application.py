"""The aiohttp application: routes behind their gate, errors of one shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from monitor.api.access import Access, Forbidden, Gate
from monitor.api.context import CONTEXT, Context
from monitor.api.options import ApiOptions
from monitor.api.passwords import PasswordChecker
from monitor.api.reading import Handler
from monitor.api.responses import Problem, error_response
from monitor.api.routes import routes
from monitor.api.web_files import WebFiles
from monitor.model.state import Operator, StateSource

log = structlog.get_logger()

_THREADS = 3
_ACCESS = web.AppKey("access", dict[web.AbstractRoute, Access])
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    hdrs.CONTENT_SECURITY_POLICY: "default-src 'none'; frame-ancestors 'none'",
}


def application(
    state: StateSource, operator: Operator, options: ApiOptions
) -> web.Application:
    """Return the application that shows a state and asks an operator.

    Raises:
        ConfigError: the web configuration file cannot be used.
    """
    return make_application(state, operator, options, WebFiles(options.web_config_file))


def make_application(
    state: StateSource, operator: Operator, options: ApiOptions, files: WebFiles
) -> web.Application:
    """Return the application with web configuration files already read."""
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="pgvigil-http")
    app = web.Application(
        middlewares=[_answer_errors, _admit],
        client_max_size=options.largest_body_bytes,
    )
    app[CONTEXT] = Context(
        states=state,
        operator=operator,
        options=options,
        files=files,
        gate=Gate(options, files, PasswordChecker(executor)),
        executor=executor,
    )
    app[_ACCESS] = {route.add_to(app.router): route.access for route in routes()}
    app.on_response_prepare.append(_add_headers)
    app.cleanup_ctx.append(partial(_threads, executor))
    return app


async def _threads(
    executor: ThreadPoolExecutor, _app: web.Application
) -> AsyncIterator[None]:
    yield
    executor.shutdown(wait=False, cancel_futures=True)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into `{"error": …}`; an unknown error is logged."""
    try:
        return await handler(request)
    except Forbidden as error:
        return error_response(error.status, error.why)
    except Problem as problem:
        return error_response(problem.status, problem.error)
    except web.HTTPException as error:
        kept = {
            name: value
            for name, value in error.headers.items()
            if name in (hdrs.ALLOW, hdrs.WWW_AUTHENTICATE)
        }
        words = HTTPStatus(error.status).phrase.lower()
        return error_response(error.status, words, headers=kept)
    except TimeoutError:
        return error_response(HTTPStatus.GATEWAY_TIMEOUT, "it took too long")
    except Exception:
        log.exception("request_failed", method=request.method, path=request.path)
        return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


@web.middleware
async def _admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check access before anything of the body is read."""
    app, route = request.app, request.match_info.route
    context = app[CONTEXT]
    access = app[_ACCESS].get(route)
    if access is None and request.match_info.http_exception is None:
        # A GET's twin for HEAD is a route of its own.
        access = _access_of_twin(app, route)
    if access is not None:
        await context.gate.admit(request, access)
    if access is Access.OPERATE:
        return await handler(request)
    async with asyncio.timeout(context.options.request_timeout.total_seconds()):
        return await handler(request)


def _access_of_twin(app: web.Application, route: web.AbstractRoute) -> Access:
    twins = (a for r, a in app[_ACCESS].items() if r.resource is route.resource)
    return next(twins, Access.OPERATE)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "pgvigil"
    configured = request.app[CONTEXT].files.config.headers
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    for name, value in configured.items():
        response.headers[name] = value
