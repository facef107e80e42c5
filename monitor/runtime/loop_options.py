"""What all target loops of a daemon share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.collectors.build import Libraries
from monitor.exporters.prometheus import SeriesLimits
from monitor.model.target import Profile
from monitor.postgres.session import Limits
from monitor.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopOptions:
    """What all target loops of a daemon share.

    `budget` is our execution time per second of one server, see `Governor`. A
    polling statement is bounded by the interval, others by `limits`.
    """

    instance: str
    libraries: Libraries
    clock: Clock
    series_limits: Callable[[Profile], SeriesLimits]
    limits: Limits = field(default_factory=Limits)
    check_interval: timedelta = timedelta(minutes=5)
    budget: float = 0.01
