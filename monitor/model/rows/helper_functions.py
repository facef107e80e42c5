"""Security definer functions that policies call, with what the server counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperFunctionRow:
    """A SECURITY DEFINER function that a policy calls, itself or through another.

    `function` is qualified, with its arguments. `body` is its text, empty where it
    was parsed at creation. The counters are None while track_functions is off, or
    before the first call; seconds include what it calls. Source: pg_proc,
    pg_stat_user_functions.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    function: str
    owner: str
    body: str
    calls_total: int | None
    exec_time_seconds_total: float | None
