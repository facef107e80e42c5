"""Probes one target's policies in turn: one round at a time, within every bound.

A round opens two connections and closes them at its end. They take the place of
the connection that acts: while a round runs nobody acts, and the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from monitor.errors import TargetError
from monitor.model.persona import RlsOptions
from monitor.model.rls import Probes, ProbeStatus
from monitor.model.target import Target
from monitor.model.view import View
from monitor.probes.pair import ProbePair
from monitor.rls.guards import is_held, obstacle
from monitor.rls.rounds import Key, Round, Survey
from monitor.rls.survey import survey
from monitor.rls.urgency import expected_seconds, rank
from monitor.runtime.clock import Backoff, Clock
from monitor.runtime.probe_book import ProbeBook, SavedProbes
from monitor.runtime.probe_work import carry_out, note_failure
from monitor.runtime.timetable import Timetable

log = structlog.get_logger()

SECONDS_BETWEEN_ROUNDS = 2.0
"""Each round forks two backends: no more than one a second on average."""
MOST_SECONDS_FOR_A_ROUND = 60.0
MOST_SECONDS_BETWEEN_ATTEMPTS = 3600.0
_START_SPREAD = 5.0
_SAVING_INTERVALS = 24

_FIGURES: frozenset[ProbeStatus] = frozenset({"ok", "unstable"})
_FAILURES: frozenset[ProbeStatus] = frozenset({"timeout", "error", "no_privilege"})

Seat = Callable[[], AbstractAsyncContextManager[None]]
"""Gives the place of the acting connection, for as long as it is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a prober is given of the daemon around it.

    `look` gives the last view, None while the target is down; `is_acting` says
    whether an action runs, `is_paused` whether an operator paused the daemon.
    `publish` takes what there is to show.
    """

    instance: str
    clock: Clock
    look: Callable[[], View | None]
    seat: Seat
    is_acting: Callable[[], bool]
    is_paused: Callable[[], bool]
    publish: Callable[[Probes], None]


class Prober:
    """Times the policies of one target, as far as an operator has allowed it.

    Without personas and both logins it does nothing at all.
    """

    def __init__(
        self, target: Target, around: Surroundings, saved: SavedProbes | None = None
    ) -> None:
        self.target = target
        self._around = around
        self._clock = around.clock
        self._book = ProbeBook(target.rls.seconds_per_hour, saved)
        self._timetable = Timetable(around.clock)
        self._backoff = Backoff(
            around.clock,
            most=MOST_SECONDS_BETWEEN_ATTEMPTS,
            first=target.rls.interval.total_seconds(),
        )
        self._closed_until = 0.0
        self._refusal = ""

    @property
    def options(self) -> RlsOptions:
        """Return what an operator allows."""
        return self.target.rls

    @property
    def saved(self) -> SavedProbes:
        """Return what has to survive a restart."""
        return self._book.saved

    def with_target(self, target: Target) -> Prober:
        """Return the prober of a target whose settings have changed.

        Figures go on, but for personas that are not who they were.
        """
        after = Prober(target, self._around, self.saved)
        kept = {p.name for p in target.rls.personas if p in self.options.personas}
        after._book.keep_personas(kept)
        return after

    async def run(self) -> None:
        """Probe until cancelled; returns at once where nothing may be probed."""
        if not self.options.may_probe:
            self._around.publish(Probes())
            return
        self._book.keep_personas([persona.name for persona in self.options.personas])
        self._resume()
        await self._clock.sleep(self._clock.jitter() * self._spread)
        while True:
            paused = await self._turn()
            self._around.publish(self._book.probes(self._clock.now(), paused))
            await self._clock.sleep(SECONDS_BETWEEN_ROUNDS)

    @property
    def _spread(self) -> float:
        return min(_START_SPREAD, self.options.interval.total_seconds() / 10)

    def _resume(self) -> None:
        """Take up the times of the figures that an earlier process measured."""
        now = self._clock.now()
        for key, at in self._book.moments.items():
            self._timetable.resume(key, every=self._every(key), age=now - at)

    async def _turn(self) -> str:
        """Do the most urgent round, if any may be done; return why none may."""
        view = self._around.look()
        if view is None:
            return "the target is down"
        found = await asyncio.to_thread(survey, view, self._book.answers)
        for key in self._book.void(found):
            self._timetable.hasten(key)
        if reason := self._reason(view):
            return reason
        chosen = self._choose(view, found)
        if isinstance(chosen, str):
            return chosen
        await self._do(chosen, view)
        return self._refusal

    def _reason(self, view: View) -> str:
        if self._around.is_paused():
            return "an operator has paused the daemon"
        if self._around.is_acting():
            return "an action runs"
        if self._clock.monotonic() < self._closed_until:
            return self._refusal
        return obstacle(view)

    def _choose(self, view: View, found: Survey) -> Round | str:
        """Return the round to do now, or why there is none: empty if none is due."""
        self._timetable.keep([each.key for each in found.rounds])
        due = [
            (overdue, each)
            for each in found.rounds
            if (overdue := self._timetable.overdue(each.key)) is not None
        ]
        free = [pair for pair in due if not is_held(view, pair[1].database)]
        if due and not free:
            return "somebody holds an exclusive lock"
        left = self._book.allowance.left(self._clock.now())
        affordable = [e for e in free if 0 < left >= self._expected(e[1])]
        if free and not affordable:
            return f"the {self.options.seconds_per_hour:g} s of this hour are spent"
        best = max(affordable, key=self._urgency, default=None)
        return best[1] if best else ""

    def _expected(self, each: Round) -> float:
        """Return what a round may take; never more than a fresh hour allows.

        One that takes more than that is not due again before it has backed off.
        """
        known = self._timetable.seconds(each.key)
        seconds = expected_seconds(self.options) if known is None else known
        return min(seconds, self.options.seconds_per_hour / 2)

    def _every(self, key: Key) -> timedelta:
        """Return how long a figure is good for: a rewrite's until policies change."""
        interval = self.options.interval
        return _SAVING_INTERVALS * interval if key[0] == "saving" else interval

    def _urgency(self, due: tuple[float, Round]) -> tuple[float, float]:
        overdue, each = due
        return rank(each, overdue, self.options.interval, self._book.cost(each.key))

    async def _do(self, chosen: Round, view: View) -> None:
        """Carry a round out and plan its next time, whatever becomes of it."""
        try:
            async with self._around.seat():
                status, seconds = await self._in_time(chosen, view)
        except Exception:
            # A defect: what meets it again at once would do nothing else for ever.
            self._conclude(chosen, "error", 0.0)
            raise
        self._conclude(chosen, status, seconds)

    def _conclude(self, chosen: Round, status: ProbeStatus, seconds: float) -> None:
        self._book.note_round(
            seconds, self._clock.now(), has_failed=status in _FAILURES
        )
        self._timetable.done(
            chosen.key,
            every=self._every(chosen.key),
            seconds=seconds,
            backs_off=status not in _FIGURES,
        )

    async def _in_time(self, chosen: Round, view: View) -> tuple[ProbeStatus, float]:
        """Return how a round went and the seconds it took.

        It never takes longer than what is left of the hour's allowance.
        """
        left = self._book.allowance.left(self._clock.now())
        pair = ProbePair(
            self.options, instance=self._around.instance, database=chosen.database
        )
        started: float | None = None
        status: ProbeStatus = "error"
        try:
            async with pair:
                self._is_let_in()
                started = self._clock.monotonic()
                async with asyncio.timeout(min(left, MOST_SECONDS_FOR_A_ROUND)):
                    status = await carry_out(
                        pair, chosen, self._book, view, self._clock.now
                    )
        except TimeoutError:
            status = "timeout"
            note_failure(self._book, chosen, status, self._clock.now())
        except TargetError as error:
            self._went_wrong(chosen, error, was_let_in=started is not None)
        seconds = 0.0 if started is None else self._clock.monotonic() - started
        return status, seconds

    def _is_let_in(self) -> None:
        if self._refusal:
            log.info("probes_resumed", target=self.target.name)
        self._refusal = ""
        self._backoff.reset()

    def _went_wrong(
        self, chosen: Round, error: TargetError, *, was_let_in: bool
    ) -> None:
        """Note an error; one of connecting concerns all rounds, so all wait."""
        note_failure(self._book, chosen, "error", self._clock.now(), error)
        if was_let_in:
            return
        if not self._refusal:
            log.warning(
                "probes_refused",
                target=self.target.name,
                error=error.message,
                detail=error.detail,
                hint=error.hint,
            )
        self._refusal = ": ".join(filter(None, (error.message, error.detail)))
        self._closed_until = self._clock.monotonic() + self._backoff.next()
