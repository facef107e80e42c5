"""Assignments that have ended. Source: the platform's monitoring.assignment_figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentsRow:
    """One row per database with the platform.

    `expired` have ended and are still marked active; `longest_seconds` is how long
    ago the first of them ended.
    """

    KEY: ClassVar[tuple[str, ...]] = ()

    expired: int
    longest_seconds: float
