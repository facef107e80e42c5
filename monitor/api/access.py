"""Who may do what: open, scrape, read, operate.

Users of the web configuration may scrape and read; only the bearer token operates,
and it reads as well. Without users, reading is open to whoever can connect.
Operating always needs the token, a JSON body and no foreign origin: a browser
that an operator is tricked into using can send none of the three.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from enum import Enum, auto

import structlog
from aiohttp import hdrs, web

from monitor.api.options import ApiOptions
from monitor.api.passwords import PasswordChecker
from monitor.api.web_files import WebFiles

log = structlog.get_logger()

_CHALLENGE = 'Basic realm="pgvigil", charset="UTF-8"'


class Access(Enum):
    """What a route asks of its caller."""

    OPEN = auto()
    SCRAPE = auto()
    READ = auto()
    OPERATE = auto()


class Gate:
    """Lets a request pass or raises the HTTP error that it deserves."""

    def __init__(
        self, options: ApiOptions, files: WebFiles, passwords: PasswordChecker
    ) -> None:
        self._options = options
        self._files = files
        self._passwords = passwords

    async def admit(self, request: web.Request, access: Access) -> None:
        """Check a request against what its route asks.

        Raises:
            HTTPUnauthorized: credentials are missing or wrong.
            HTTPForbidden: no token is configured, or the request may be forged.
        """
        match access:
            case Access.OPEN:
                return
            case Access.SCRAPE | Access.READ:
                await self._reader(request)
            case Access.OPERATE:
                await self._operator(request)

    async def _reader(self, request: web.Request) -> None:
        users = self._files.config.users
        if not users:
            return
        scheme, given = _authorization(request)
        if scheme == "bearer" and _same(given, await self._token()):
            return
        if scheme == "basic":
            user, password = _basic(given)
            if await self._passwords.check(users, user, password):
                return
        raise web.HTTPUnauthorized(
            reason="Unauthorized", headers={hdrs.WWW_AUTHENTICATE: _CHALLENGE}
        )

    async def _operator(self, request: web.Request) -> None:
        token = await self._token()
        if not token:
            raise _forbidden("operating is off: no token is configured")
        scheme, given = _authorization(request)
        if scheme != "bearer" or not _same(given, token):
            raise web.HTTPUnauthorized(
                reason="Unauthorized",
                headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="pgvigil"'},
            )
        if _is_foreign(request, self._options.external_origin):
            raise _forbidden("the request comes from another origin")
        if request.content_type != "application/json":
            raise _forbidden("the body must be application/json")

    async def _token(self) -> str:
        """Return the token in force; a token file that is gone lets nobody in."""
        ask = self._options.token
        if ask is None:
            return ""
        try:
            return await asyncio.to_thread(ask)
        except OSError as error:
            log.warning("token_not_read", error=error.strerror)
            return ""


class Forbidden(web.HTTPForbidden):
    """A 403 that says why."""

    def __init__(self, why: str) -> None:
        super().__init__(reason="Forbidden")
        self.why = why


def _forbidden(why: str) -> Forbidden:
    return Forbidden(why)


def _authorization(request: web.Request) -> tuple[str, str]:
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return scheme.lower(), given.strip()


def _basic(given: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    user, _, password = text.partition(":")
    return user, password


def _same(given: str, token: str) -> bool:
    """Compare in constant time; nothing equals an empty token."""
    raw = given.encode(errors="surrogateescape")
    return bool(token) and hmac.compare_digest(raw, token.encode())


def _is_foreign(request: web.Request, external_origin: str) -> bool:
    """Say whether a browser sent the request on behalf of another site."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get(hdrs.ORIGIN)
    own = f"{request.scheme}://{request.host}"
    return origin is not None and origin not in (own, external_origin)
