"""Opening a connection: what is asked for, and what a failure to get it means."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from monitor.errors import InsufficientPrivilege, TargetError, TargetUnreachable
from monitor.model.target import Credentials
from monitor.model.text import clean_line
from monitor.postgres.loaders import load_text
from monitor.postgres.password import read_password
from monitor.postgres.session_settings import (
    Limits,
    Purpose,
    settings_for,
    startup_options,
)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Parts = dict[str, str]


# A dead peer is noticed within 9 s even between our own deadlines.
_NETWORK: Mapping[str, str] = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "5000",
}
_URI = re.compile(r"postgres(ql)?://")
# Poolers say this in English whatever the server's language: PgBouncer ("unsupported
# startup parameter"), Amazon's RDS Proxy ("does not support command-line options").
_REFUSES_OPTIONS = re.compile(r"startup parameter|command-line options", re.IGNORECASE)
_PASSWORD_REFUSED = re.compile(r"password authentication failed|no password supplied")


def parse(conninfo: str) -> Parts:
    """Return a connection string's parts.

    Raises:
        TargetUnreachable: it cannot be read. libpq's own message would quote
            pieces of it, and a password with unescaped characters among them.
    """
    try:
        parts = {k: str(v) for k, v in conninfo_to_dict(conninfo).items()}
    except psycopg.Error:
        raise TargetUnreachable(
            "the connection string cannot be read",
            hint="In a URI, percent-encode special characters of the password.",
        ) from None
    ports = parts.get("port", "").split(",")
    if any(port and not port.isdigit() for port in ports):
        raise TargetUnreachable("the connection string's port is not a number")
    # "u:p@ss@host": libpq takes the password's rest for a part of the host.
    if _URI.match(conninfo) and "@" in parts.get("host", "") + parts.get("dbname", ""):
        raise TargetUnreachable(
            "the connection URI's host or database contains an @",
            hint="Percent-encode special characters of the password.",
        )
    return parts


async def connect(
    credentials: Credentials,
    *,
    purpose: Purpose,
    instance: str,
    dbname: str | None,
    limits: Limits,
) -> Connection:
    """Return a connection in autocommit, with our settings unless a pooler refuses.

    Whether they are in force is for the caller to verify.

    Raises:
        TargetUnreachable: no connection could be made.
        InsufficientPrivilege: the server refused the role or its password.
    """
    with_options, parts = await wanted(
        credentials, purpose=purpose, instance=instance, dbname=dbname, limits=limits
    )
    try:
        connection = await _dial(with_options, parts, limits)
    except psycopg.Error as error:
        raise refusal(error, parts.get("password")) from None
    load_text(connection, is_exact=purpose is Purpose.ACT)
    return connection


async def wanted(
    credentials: Credentials,
    *,
    purpose: Purpose,
    instance: str,
    dbname: str | None,
    limits: Limits,
) -> tuple[Parts, Parts]:
    """Return what to ask for: with our settings, and without for some poolers.

    Raises:
        TargetUnreachable: the connection string or the password cannot be read.
    """
    parts: Parts = {**_NETWORK, **parse(credentials.conninfo)}
    parts["application_name"] = f"pgvigil/{instance}/{purpose}"
    parts["connect_timeout"] = str(max(2, round(limits.connect.total_seconds())))
    if dbname is not None:
        parts["dbname"] = dbname
    if (password := await read_password(credentials)) is not None:
        parts["password"] = password
    ours = startup_options(settings_for(purpose, limits))
    # An operator's own options come first, so that ours win.
    with_options = {**parts, "options": f"{parts.get('options', '')} {ours}".strip()}
    return with_options, parts


def refuses_options(error: psycopg.Error) -> bool:
    """Say whether a pooler refused our settings, and may take us without."""
    return bool(_REFUSES_OPTIONS.search(str(error)))


async def _dial(with_options: Parts, parts: Parts, limits: Limits) -> Connection:
    """Connect with our settings, or without them where a pooler refuses them."""
    try:
        return await _attempt(with_options, limits)
    except psycopg.Error as error:
        if not refuses_options(error):
            raise
    return await _attempt(parts, limits)


def refusal(error: psycopg.Error, password: str | None) -> TargetError:
    """Return why no connection was made, without the password if it was quoted.

    There is no SQLSTATE here and the text is in the server's language: only a
    request for a password that we lack is certain.
    """
    said = clean_line(str(error), limit=500)
    if password:
        said = said.replace(password, "********")
    if error.pgconn is not None and error.pgconn.needs_password:
        return InsufficientPrivilege(
            "the server asks for a password, and none is configured",
            hint="Set password_file, password_command or PGPASSWORD.",
        )
    if _PASSWORD_REFUSED.search(said):
        return InsufficientPrivilege("could not log in", detail=said)
    return TargetUnreachable("could not connect", detail=said)


async def _attempt(parts: Parts, limits: Limits) -> Connection:
    # The driver's own limit holds per address and not for looking addresses up.
    hosts = max(2, parts.get("host", "").count(",") + 1)
    seconds = hosts * max(2.0, limits.connect.total_seconds())
    attempt = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(make_conninfo(**parts), autocommit=True)
    )
    try:
        done, _ = await asyncio.wait({attempt}, timeout=seconds)
    except asyncio.CancelledError:
        attempt.add_done_callback(_discard)
        attempt.cancel()
        raise
    if done:
        return attempt.result()
    attempt.add_done_callback(_discard)
    attempt.cancel()
    raise psycopg.errors.ConnectionTimeout(f"no connection within {seconds:g} s")


def _discard(attempt: asyncio.Future[Connection]) -> None:
    """Close what an attempt brings that nobody waits for any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().pgconn.finish()
