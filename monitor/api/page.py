"""The status page and the runbooks as HTML: rendered here, no script needed.

Everything that is not ours is escaped by the template engine, and characters that
cannot be seen are written out. The one style sheet is inline and named by its
digest in the Content-Security-Policy, which allows nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import cast

from aiohttp import hdrs, web
from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from monitor.api import runbooks, wording
from monitor.api.context import CONTEXT
from monitor.api.lists import Asked
from monitor.api.page_model import PageModel, gather, of_role
from monitor.api.responses import Answer, Problem
from monitor.api.runbooks import Runbook
from monitor.model.state import State

HTML = "text/html; charset=utf-8"
SECONDS_BETWEEN_REFRESHES = 30
_LONGEST_REFRESH = 3600


def _source(name: str) -> str:
    return (files("monitor.api") / "templates" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return the template engine, made once."""
    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=wording.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = cast("dict[str, Callable[..., object]]", made.filters)
    filters["age"] = wording.age
    filters["span"] = wording.span
    filters["signed"] = wording.signed
    filters["of_role"] = of_role
    filters["bytes"] = wording.bytes_of
    filters["count"] = wording.count
    filters["percent"] = wording.percent
    filters["figure"] = wording.figure
    filters["clock"] = wording.clock
    return made


@cache
def style() -> str:
    """Return the style sheet."""
    return _source("page.css")


def _inline_style() -> Markup:
    return Markup(style())  # noqa: S704 - a file of ours, not a value


@cache
def policy() -> str:
    """Return the Content-Security-Policy: our style sheet and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


def status_page(request: web.Request, state: State) -> Answer:
    """Make the page of all targets, or of the one that `?target=` names.

    With `?check=` it shows the findings of that check alone: alerts link to it.
    """
    context = request.app[CONTEXT]
    wanted = request.query.get("target")
    if wanted is not None and state.target(wanted) is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of that name")
    check = request.query.get("check", "")
    if check and runbooks.find(check) is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no check of that name")
    asked = Asked(state=state, target=wanted, has_texts=context.options.has_query_text)
    refresh = _refresh(request.query.get("refresh"))
    now = context.options.now()
    return _answer(render(gather(asked, now=now, refresh=refresh, check=check)))


def _refresh(text: str | None) -> int:
    if text is None:
        return SECONDS_BETWEEN_REFRESHES
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > _LONGEST_REFRESH:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"refresh must be from 0 to {_LONGEST_REFRESH}"
        )
    return int(text)


def render(model: PageModel) -> str:
    """Return the status page."""
    return (
        environment()
        .get_template("page.html")
        .render(page=model, style=_inline_style())
    )


def runbook_page(request: web.Request, _state: State) -> Answer:
    """Make the page of one check."""
    found = runbooks.find(request.match_info["name"])
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no runbook of that name")
    return _answer(render_runbook(found))


def render_runbook(runbook: Runbook) -> str:
    """Return one runbook's page."""
    return (
        environment()
        .get_template("runbook.html")
        .render(runbook=runbook, style=_inline_style())
    )


def _answer(text: str) -> Answer:
    body = text.encode("utf-8", "backslashreplace")
    return Answer(body, HTML, headers=((hdrs.CONTENT_SECURITY_POLICY, policy()),))
