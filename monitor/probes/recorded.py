"""Statement texts that others wrote, as requests that can do no harm.

They reach the server through the extended protocol, which refuses a second
statement, and only in a read-only transaction: as a persona; on the side without
policies only what an operator listed, and policies' own expressions where those who
wrote them have the rights of that side anyway.
"""

from __future__ import annotations

from typing import LiteralString, cast

from psycopg import sql

from monitor.postgres.request import Request

EXPLAIN: LiteralString = "explain (analyze, timing off, buffers off, format json) "
"""Executes a statement and tells how long that took, without a clock in each node."""


def with_text(name: str, before: LiteralString, text: str) -> Request:
    """Return a request for a recorded text with something of ours before it.

    The one cast of recorded texts to LiteralString; the module says why it is safe.
    """
    recorded = sql.SQL(cast("LiteralString", text))
    return Request(name=name, sql=sql.Composed([sql.SQL(before), recorded]))


def timed(name: str, text: str) -> Request:
    """Return the request that runs a recorded SELECT and tells how long it took."""
    return with_text(name, EXPLAIN, text)
