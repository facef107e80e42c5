"""The epoch of a database's counters: a text that moves whenever they may restart."""

from __future__ import annotations

from functools import cache

from monitor import resources
from monitor.errors import TargetError
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request


@cache
def request() -> Request:
    """Return the statement to run in each database, at the head of a cycle."""
    library = Library.load(resources.directory("sql") / "stats")
    return Request(name="epoch", sql=library.only("epoch").sql)


def read(reply: Reply) -> str:
    """Return the epoch; equal texts mean that no counter was reset in between.

    Raises:
        TargetError: the server gave something else than one text.
    """
    match reply.rows:
        case ((str(epoch),),):
            return epoch
        case _:
            raise TargetError("could not read the epoch of the statistics")
