"""A plain connection for a command that asks once and ends."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from monitor.model.target import Credentials
from monitor.postgres.connect import Parts, refusal, refuses_options, wanted
from monitor.postgres.session_settings import Limits, Purpose


def open_direct(
    credentials: Credentials, *, instance: str, dbname: str | None, limits: Limits
) -> psycopg.Connection[Any]:
    """Return a read-only connection in autocommit, with the limits of a daemon's.

    Raises:
        TargetUnreachable: no connection could be made.
        InsufficientPrivilege: the server refused the role or its password.
    """
    with_options, parts = asyncio.run(
        wanted(
            credentials,
            purpose=Purpose.SIDE,
            instance=instance,
            dbname=dbname,
            limits=limits,
        )
    )
    try:
        return _dial(with_options, parts)
    except psycopg.Error as error:
        raise refusal(error, parts.get("password")) from None


def _dial(with_options: Parts, parts: Parts) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(make_conninfo(**with_options), autocommit=True)
    except psycopg.Error as error:
        if not refuses_options(error):
            raise
    return psycopg.connect(make_conninfo(**parts), autocommit=True)
