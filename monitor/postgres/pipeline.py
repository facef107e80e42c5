"""Many requests in one round trip, each failing on its own."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psycopg

from monitor.errors import TargetError
from monitor.postgres.connect import Connection
from monitor.postgres.cursor import PipelineCursor
from monitor.postgres.request import Reply, Request
from monitor.postgres.rows import make_row
from monitor.postgres.translate import translate


async def run_pipeline(
    connection: Connection, requests: Sequence[Request]
) -> tuple[Reply, ...]:
    """Send all requests at once and return their replies, in order.

    Raises:
        psycopg.Error: the connection is lost.
    """
    started = time.monotonic()
    cursors: list[PipelineCursor] = []
    # Of no request in particular: a prepared statement could not be parsed.
    loose: list[psycopg.Error] = []
    try:
        async with connection.pipeline() as pipeline:
            for request in requests:
                cursor = PipelineCursor(connection)
                cursors.append(cursor)
                await _send(cursor, request, loose)
                # A Sync of its own, or one error aborts everything behind it.
                # `pipeline.sync()` would wait for the replies each time.
                pipeline.command_queue.append(pipeline.pgconn.pipeline_sync)
                pipeline.result_queue.append(None)
    except psycopg.Error as error:
        if connection.closed or len(cursors) < len(requests):
            raise
        loose.append(error)
    pairs = zip(requests, cursors, strict=True)
    return tuple([await read(r, c, started, loose) for r, c in pairs])


async def run_one(connection: Connection, request: Request) -> Reply:
    """Run one request outside a pipeline, which poolers and DDL may not bear.

    Raises:
        psycopg.Error: the connection is lost.
    """
    started = time.monotonic()
    cursor = PipelineCursor(connection)
    loose: list[psycopg.Error] = []
    await _send(cursor, request, loose)
    if connection.closed and loose:
        raise loose[0]
    return await read(request, cursor, started, loose)


async def read(
    request: Request,
    cursor: PipelineCursor,
    started: float,
    loose: Sequence[psycopg.Error] = (),
) -> Reply:
    """Return a cursor's outcome as a reply: rows, or the error that it met."""
    error = _error(request, cursor, loose)
    seconds = (cursor.finished or time.monotonic()) - started
    if error is not None:
        return Reply(name=request.name, seconds=seconds, error=error)
    if cursor.description is None:
        return Reply(name=request.name, seconds=seconds)
    columns = tuple(column.name for column in cursor.description)
    types = tuple(column.type_code for column in cursor.description)
    try:
        make = make_row(request.name, columns, types, request.row)
        rows = tuple([make(values) for values in await cursor.fetchall()])
    except TargetError as wrong:
        return Reply(name=request.name, seconds=seconds, error=wrong)
    except psycopg.Error as unreadable:
        error = _translated(request, unreadable)
        return Reply(name=request.name, seconds=seconds, error=error)
    return Reply(
        name=request.name, columns=columns, types=types, rows=rows, seconds=seconds
    )


async def _send(
    cursor: PipelineCursor, request: Request, loose: list[psycopg.Error]
) -> None:
    text = _encoded(request, cursor.connection.info.encoding)
    try:
        await cursor.execute(text, request.parameters, binary=True)
    except psycopg.errors.PipelineAborted as error:
        loose.append(error)
    except psycopg.Error as error:
        # Parameters that do not fit the statement never reach the server.
        if error.sqlstate is None and not cursor.connection.closed:
            cursor.failure = error
        else:
            loose.append(error)


def _encoded(request: Request, encoding: str) -> bytes:
    """Return a statement's bytes.

    The driver knows no encoding for SQL_ASCII and refuses an ellipsis in a comment;
    names that were put in have to be those of the database.
    """
    if isinstance(request.sql, str):
        return request.sql.encode()
    known = "utf-8" if encoding == "ascii" else encoding
    return request.sql.as_string().encode(known, "backslashreplace")


def _error(
    request: Request, cursor: PipelineCursor, loose: Sequence[psycopg.Error]
) -> TargetError | None:
    failure = cursor.failure
    if isinstance(failure, psycopg.errors.PipelineAborted) and loose:
        failure = loose[0]
    if failure is None and cursor.pgresult is None:
        failure = loose[0] if loose else psycopg.OperationalError("no reply")
    return _translated(request, failure) if failure is not None else None


def _translated(request: Request, error: psycopg.Error) -> TargetError:
    translated = translate(error, what=f'run query "{request.name}"')
    translated.__cause__ = error
    return translated
