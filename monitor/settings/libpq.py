"""What libpq says about connection strings, without repeating any of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic_core import PydanticCustomError

from monitor.settings.values import problem

SECRET_KEYWORDS = frozenset(
    {
        "password",
        "sslpassword",
        "oauth_client_secret",
        "scram_client_key",
        "scram_server_key",
    }
)
"""Keywords whose value is a secret in itself."""

_URIS = ("postgresql://", "postgres://")
_ENCODE = (
    "Special characters in a URI's password must be percent-encoded;"
    " better, use password_file."
)


@cache
def keywords() -> tuple[str, ...]:
    """Return the connection keywords that the linked libpq knows."""
    return tuple(option.keyword.decode() for option in pq.Conninfo.get_defaults())


def parse(conninfo: str) -> dict[str, str]:
    """Return a connection string's keywords.

    Raises:
        PydanticCustomError: libpq refuses it. Its own message repeats parts of
            the string, passwords included, so it is not passed on.
    """
    try:
        found = conninfo_to_dict(conninfo)
        # libpq looks at the port only when it connects.
        for port in str(found.get("port", "")).split(","):
            int(port or 0)
    except (psycopg.Error, ValueError):
        raise problem(
            "is not a connection string that libpq understands", _ENCODE
        ) from None
    # "u:p@ss@host": libpq takes the password's rest for a part of the host.
    place = f"{found.get('host', '')}{found.get('dbname', '')}"
    if conninfo.startswith(_URIS) and "@" in place:
        raise problem("is a URI with an @ in its host or database", _ENCODE)
    return {key: str(value) for key, value in found.items() if value is not None}


def check_plain(dbname: str) -> str:
    """Refuse a database name that libpq would expand as a connection string."""
    if "=" in dbname or dbname.startswith(_URIS):
        raise problem("has a dbname that is a connection string")
    return dbname


def build(options: Mapping[str, str]) -> str:
    """Return a connection string from keywords that libpq knows."""
    try:
        return make_conninfo("", **options)
    except (psycopg.Error, ValueError):
        raise problem("libpq does not accept these connection keywords") from None


def is_valid(conninfo: str) -> bool:
    """Say whether libpq understands a connection string."""
    try:
        parse(conninfo)
    except PydanticCustomError:
        return False
    return True


def has_secret(conninfo: str) -> bool:
    """Say whether a valid connection string carries a secret."""
    return not SECRET_KEYWORDS.isdisjoint(parse(conninfo))
