"""Asks the daemon on this host whether it lives, with little more than a socket.

Only what starts fast is imported: a container runs this every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence

HELP = """\
Usage: pgvigil healthcheck [--url URL]

  Ask the daemon's /livez and exit with 0 if it lives, else with 1.

  The URL is --url, else $PGVIGIL_URL, else made of $PGVIGIL_HTTP__LISTEN.
"""
_SECONDS = 3.0
_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - compared, not bound
_MOST_BYTES = 64


def healthcheck(
    arguments: Sequence[str], environ: Mapping[str, str] = os.environ
) -> int:
    """Return 0 if the daemon answers 200, 1 if not, 2 for wrong arguments."""
    if "--help" in arguments:
        sys.stdout.write(HELP)
        return 0
    url = _url(arguments, environ)
    if url is None:
        sys.stderr.write(f"error: healthcheck takes only --url URL\n{HELP}")
        return 2
    problem = ask(url)
    if problem:
        sys.stderr.write(f"error: {problem}\n")
    return 1 if problem else 0


def _url(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    match list(arguments):
        case []:
            return environ.get("PGVIGIL_URL") or _own_url(environ)
        case ["--url", url]:
            return url
        case [option] if option.startswith("--url="):
            return option.removeprefix("--url=")
        case _:
            return None


def _own_url(environ: Mapping[str, str]) -> str:
    listen = environ.get("PGVIGIL_HTTP__LISTEN") or "127.0.0.1:9843"
    host, _, port = listen.rpartition(":")
    return f"http://{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"


def ask(url: str) -> str:
    """Return why the daemon at a URL is not healthy; empty if it is."""
    scheme, _, rest = url.partition("://")
    address = rest.partition("/")[0]
    host, _, port = address.rpartition(":")
    if scheme not in {"http", "https"} or not host or not port.isdecimal():
        return "the URL must be http://HOST:PORT"
    request = f"GET /livez HTTP/1.0\r\nHost: {address}\r\n\r\n"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as link:
            answer = _exchange(link, request.encode("ascii"), is_tls=scheme == "https")
    except (OSError, ValueError) as error:
        return f"could not ask the daemon: {error}"
    status = answer.split(b" ", 2)[1:2]
    if status == [b"200"]:
        return ""
    return f"the daemon answered {b''.join(status).decode('ascii', 'replace')!r}"


def _exchange(link: socket.socket, request: bytes, *, is_tls: bool) -> bytes:
    if is_tls:
        import ssl  # noqa: PLC0415 - slow, and rarely needed

        # We ask ourselves; the certificate is made for another name.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        link = context.wrap_socket(link)
    link.sendall(request)
    return link.recv(_MOST_BYTES)
