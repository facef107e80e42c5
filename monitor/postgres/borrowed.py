"""Reading through a connection that belongs to somebody else, and leaving no trace.

A migration's test lends us its connection in the middle of a transaction. What we
read must see its uncommitted changes; what we set, and what fails, must not outlast
us. So everything happens inside a savepoint that is always rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from monitor.errors import TargetError
from monitor.postgres.loaders import load_text
from monitor.postgres.request import Reply, Request
from monitor.postgres.rows import make_row
from monitor.postgres.translate import translate

Run = Callable[[Sequence[Request]], tuple[Reply, ...]]
"""Runs requests one after the other; each fails on its own."""

# Names in expressions are printed as this search_path needs them: qualified.
_SETTINGS = (
    ("search_path", "pg_catalog, pg_temp"),
    ("quote_all_identifiers", "off"),
    ("lock_timeout", "100ms"),
)


@contextmanager
def borrowed(connection: psycopg.Connection[Any]) -> Generator[Run]:
    """Yield what runs requests on a connection, in a savepoint or a transaction.

    Raises:
        TargetError: the connection is closed, or its transaction has failed.
    """
    if connection.info.transaction_status is TransactionStatus.INERROR:
        raise TargetError(
            "cannot read in a transaction that has failed",
            hint="Roll it back first.",
        )
    try:
        with connection.transaction(force_rollback=True):
            for setting in _SETTINGS:
                connection.execute(
                    "select pg_catalog.set_config(%s, %s, true)", setting, prepare=False
                )
            yield lambda requests: tuple(_run(connection, one) for one in requests)
    except psycopg.Error as error:
        raise translate(error, what="use the connection") from error


def _run(connection: psycopg.Connection[Any], request: Request) -> Reply:
    started = time.monotonic()
    try:
        with connection.transaction():
            reply = _read(connection, request)
    except psycopg.Error as error:
        if connection.closed:
            raise
        refused = translate(error, what=f'run query "{request.name}"')
        reply = Reply(name=request.name, error=refused)
    except TargetError as wrong:
        reply = Reply(name=request.name, error=wrong)
    return replace(reply, seconds=time.monotonic() - started)


def _read(connection: psycopg.Connection[Any], request: Request) -> Reply:
    # A cursor of its own class: the connection's may not know binary results.
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        load_text(cursor, is_exact=False)
        text = request.sql if isinstance(request.sql, str) else request.sql.as_string()
        cursor.execute(text.encode(), request.parameters, prepare=False, binary=True)
        if cursor.description is None:
            return Reply(name=request.name)
        columns = tuple(column.name for column in cursor.description)
        types = tuple(column.type_code for column in cursor.description)
        make = make_row(request.name, columns, types, request.row)
        rows = tuple([make(values) for values in cursor])
    return Reply(name=request.name, columns=columns, types=types, rows=rows)
