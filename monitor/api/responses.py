"""Bodies as bytes: JSON, ETags, compression, errors of one shape."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web

from monitor.api.negotiation import takes_gzip
from monitor.model.shape import Shape

JSON = "application/json; charset=utf-8"
_WORTH_COMPRESSING = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A body that a handler has made, with what goes into its headers."""

    body: bytes
    content_type: str
    status: int = HTTPStatus.OK
    headers: tuple[tuple[str, str], ...] = ()


class Problem(Exception):
    """A request that cannot be served; becomes `{"error": …}` with a status."""

    def __init__(self, status: HTTPStatus, error: str, **more: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.more = {key: value for key, value in more.items() if value}


def json_bytes(value: object) -> bytes:
    """Return JSON in ASCII: no text in it can disturb a terminal or a log."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def json_answer(value: Shape, status: int = HTTPStatus.OK, **headers: str) -> Answer:
    """Return an answer with a JSON body; header names have `_` for `-`."""
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(json_bytes(value), JSON, status, named)


def respond(request: web.Request, answer: Answer) -> web.Response:
    """Return the response for one client: 304 if it knows the body, compressed.

    The tag is weak, since the same content is sent compressed or not.
    """
    headers = dict(answer.headers)
    headers[hdrs.CONTENT_TYPE] = answer.content_type
    if answer.status == HTTPStatus.OK:
        tag = hashlib.blake2b(answer.body, digest_size=12).hexdigest()
        headers |= {
            hdrs.ETAG: f'W/"{tag}"',
            hdrs.CACHE_CONTROL: "private, no-cache",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        known = request.if_none_match or ()
        if any(one.value in (tag, "*") for one in known):
            del headers[hdrs.CONTENT_TYPE]
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = answer.body
    if len(body) >= _WORTH_COMPRESSING and takes_gzip(
        request.headers.get(hdrs.ACCEPT_ENCODING, "")
    ):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, status=answer.status, headers=headers)


def error_response(
    status: int,
    error: str,
    *,
    headers: Mapping[str, str] | None = None,
    shown: Mapping[str, str] | None = None,
) -> web.Response:
    """Return `{"error": …}` with a status, and what else there is to show."""
    return web.Response(
        body=json_bytes({"error": error, **(shown or {})}),
        status=status,
        headers={
            hdrs.CONTENT_TYPE: JSON,
            hdrs.CACHE_CONTROL: "no-store",
            **(headers or {}),
        },
    )
