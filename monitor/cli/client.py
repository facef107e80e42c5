"""Talks to a running daemon over HTTP."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

import click

from monitor.errors import ConfigError, MonitorError

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:9843"
_SECONDS = 30.0
_MOST_BYTES = 64 * 1024 * 1024
_ERRORS_FROM = 400
_REFUSED = {401, 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running daemon's API; no redirects, no proxies: they would see the token."""

    url: str
    token_file: str | None = None
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = None

    def get(self, path: str, **query: str | None) -> dict[str, Any]:
        """Return a JSON object of the API.

        Raises:
            MonitorError: the daemon is not there or refuses.
        """
        given = {name: value for name, value in query.items() if value}
        return self._ask("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Ask the daemon to do something and return its answer.

        Raises:
            MonitorError: the daemon is not there or refuses.
        """
        given = {name: value for name, value in body.items() if value is not None}
        return self._ask("POST", path, json.dumps(given).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Accept": "application/json", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection, prefix = self._connection()
        try:
            connection.request(method, prefix + path, body, headers)
            answer = connection.getresponse()
            text = answer.read(_MOST_BYTES)
        except (OSError, HTTPException) as error:
            raise MonitorError(
                f'could not reach the daemon at "{self.url}"',
                detail=f"{error}." if str(error) else "",
                hint="Is it running? Say where with --url or PGVIGIL_URL.",
            ) from error
        finally:
            connection.close()
        return _document(answer.status, text)

    def _connection(self) -> tuple[HTTPConnection, str]:
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError:
            raise ConfigError("the URL of the daemon is not valid") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("the URL of the daemon must be http or https")
        if parts.username or parts.password:
            raise ConfigError(
                "the URL of the daemon must not hold credentials",
                hint="Use --user and --password-file, or --token-file.",
            )
        prefix = parts.path.rstrip("/")
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname, port, timeout=_SECONDS), prefix
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError:
            raise ConfigError(f'could not read "{self.ca_file}"') from None
        secure = HTTPSConnection(
            parts.hostname, port, timeout=_SECONDS, context=context
        )
        return secure, prefix

    def _authorization(self) -> dict[str, str]:
        if self.token_file:
            return {"Authorization": f"Bearer {_secret(self.token_file)}"}
        if self.user and self.password_file:
            pair = f"{self.user}:{_secret(self.password_file)}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}


def _secret(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f'could not read "{path}"') from None
    if not text or not text.isprintable():
        raise ConfigError(f'"{path}" does not hold one line of text')
    return text


def _document(status: int, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise MonitorError(
            f"the daemon answered HTTP {status} without a JSON object",
            hint="Is it pgvigil that listens there?",
        )
    found = cast("dict[str, Any]", document)
    if status >= _ERRORS_FROM:
        raise _refusal(status, found)
    return found


def _refusal(status: int, document: Mapping[str, Any]) -> MonitorError:
    hint = str(document.get("hint") or "")
    if status in _REFUSED and not hint:
        hint = "Operating needs --token-file; reading may need --user."
    return MonitorError(
        str(document.get("error") or f"the daemon answered HTTP {status}"),
        detail=str(document.get("detail") or ""),
        hint=hint,
    )


def daemon_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add what it takes to find a daemon and be let in; the command gets `daemon`."""

    @wraps(command)
    def with_daemon(
        *,
        url: str,
        token_file: str | None,
        user: str | None,
        password_file: str | None,
        ca_file: str | None,
        **others: object,
    ) -> T:
        daemon = Daemon(
            url=url,
            token_file=token_file,
            user=user,
            password_file=password_file,
            ca_file=ca_file,
        )
        return command(daemon=daemon, **others)

    found: Callable[..., T] = with_daemon
    for option in _OPTIONS:
        found = option(found)
    return found


_OPTIONS = (
    click.option("--ca-file", help="Certificates to trust for https."),
    click.option("--password-file", help="File with that user's password."),
    click.option("--user", help="A user of the daemon's web configuration."),
    click.option(
        "--token-file",
        envvar="PGVIGIL_TOKEN_FILE",
        help="File with the token that may operate.",
    ),
    click.option(
        "--url",
        envvar="PGVIGIL_URL",
        default=DEFAULT_URL,
        show_default=True,
        help="Where the daemon listens.",
    ),
)


def segment(text: object) -> str:
    """Return text as one segment of a URL's path."""
    return quote(str(text), safe="")
