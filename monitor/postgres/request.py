"""A statement to run and what came back, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import Composed

from monitor.errors import TargetError

Parameters = Sequence[object] | Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One statement with its parameters.

    `name` appears in logs and metrics. Results are binary; rows are instances
    of `row` (a dataclass with the result's columns as fields) or tuples.
    """

    name: str
    sql: LiteralString | Composed
    parameters: Parameters = None
    row: type[object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request gave: rows, or the error that it alone ran into.

    `columns` are the result's column names, `types` their type oids.
    `seconds` is the time until the reply was complete, within its pipeline.
    """

    name: str
    columns: tuple[str, ...] = ()
    types: tuple[int, ...] = ()
    rows: tuple[object, ...] = ()
    seconds: float = 0.0
    error: TargetError | None = None
