"""A cursor that keeps its own outcome within a pipeline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


class PipelineCursor(psycopg.AsyncCursor[tuple[Any, ...]]):
    """Remembers its error and when its result was complete.

    In a pipeline the driver raises the first error of whatever it has just
    received, in the call that happened to receive it, and drops the others.
    Everything goes through `_check_results`; the driver is pinned to a minor
    version and a test on real errors notices if that changes.
    """

    failure: psycopg.Error | None = None
    finished: float | None = None

    def _check_results(self, results: list[PGresult]) -> None:
        self.finished = time.monotonic()
        try:
            super()._check_results(results)
        except psycopg.Error as error:
            self.failure = error
