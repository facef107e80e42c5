"""Assembles a daemon from settings, and takes over new ones while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

import structlog

from monitor import __version__
from monitor.alerting.overall import Overlook
from monitor.api.options import ApiOptions
from monitor.collectors.build import Libraries
from monitor.errors import ConfigError
from monitor.maintenance.planner import Choices
from monitor.maintenance.policy import gate
from monitor.model.action import ActionMode
from monitor.model.state import TargetState
from monitor.model.target import Target
from monitor.notifiers.notifier import Notifier
from monitor.postgres.act_sessions import ActAccess
from monitor.postgres.acting import ActingOptions, ActionExecutor
from monitor.postgres.dry_run import DryRunExecutor
from monitor.postgres.executor import Executor
from monitor.runtime.archive import Archive
from monitor.runtime.board import Standing
from monitor.runtime.caretaker import Caretaker
from monitor.runtime.clock import Clock
from monitor.runtime.console import Console
from monitor.runtime.daemon import Daemon, Parts
from monitor.runtime.discovery import Discovery
from monitor.runtime.drift_book import DriftBook
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.judge import Judge
from monitor.runtime.probe_book import SavedProbes
from monitor.runtime.prober import Prober, Surroundings
from monitor.runtime.rules import discover
from monitor.runtime.scribe import Scribe
from monitor.runtime.state_file import StateFile
from monitor.runtime.target_loop import LoopOptions, TargetLoop
from monitor.runtime.thresholds import ThresholdBook
from monitor.runtime.watch import Watch
from monitor.runtime.windows import WindowBook
from monitor.settings import Settings
from monitor.settings.receivers import notifiers

log = structlog.get_logger()

_FIXED = (
    "http",
    "logging",
    "state_dir",
    "metrics_dir",
    "instance",
    "maintenance",
    "exposition",
    "timeouts",
    "check_interval",
    "governor",
    "alerting.owner",
    "alerting.alertmanagers",
    "alerting.webhooks",
    "alerting.resend",
)

Reload = Callable[[], Settings]
"""Reads the settings again; raises ConfigError when they are not valid."""

Reported = Callable[[Watch], TargetState | None]
"""What is written to schema `monitoring`: nothing while it gives None."""


class Assembly:
    """A daemon with the settings it was made from, which can be replaced."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        state_file: StateFile | None = None,
        state_error: str = "",
        reported: Reported = attrgetter("state"),
    ) -> None:
        self._settings = settings
        self._reported = reported
        self._reloading = asyncio.Lock()
        self.clock = clock or Clock()
        self._rules = discover()
        self._thresholds = ThresholdBook(self._rules, settings.thresholds)
        self._libraries = libraries(settings)
        self._standing = Standing(
            instance=settings.instance,
            version=__version__,
            started_at=self.clock.now(),
            config_loaded_at=self.clock.now(),
            state_error=state_error,
        )
        self._archive = Archive(state_file, self._standing, self.clock)
        self.daemon = Daemon(
            Parts(
                standing=self._standing,
                discovery=self._discovery(),
                archive=self._archive,
                notifiers=self._notifiers(),
                make_watch=self._watch,
                forget=self._thresholds.forget,
                overlook=self._overlook,
                clock=self.clock,
            )
        )

    def _discovery(self) -> Discovery:
        settings = self._settings
        return Discovery(settings.to_sources(), settings.make_discovered, self.clock)

    def _notifiers(self) -> Sequence[Notifier]:
        """Return a notifier for each receiver, unless somebody else alerts."""
        if self._settings.alerting.owner != "daemon":
            return ()
        archive = self._archive
        return notifiers(
            self._settings, self.clock.now, archive.load_told, archive.save_told
        )

    def _overlook(self) -> Overlook:
        settings = self._settings
        return Overlook(
            instance=settings.instance,
            started_at=self._standing.started_at,
            has_watchdog=settings.alerting.watchdog,
            external_url=settings.http.external_url or "",
        )

    def _watch(self, target: Target, on_cycle: Callable[[], None]) -> Watch:
        settings, saved = self._settings, self._archive.load(target.name)
        loop = TargetLoop(
            target,
            LoopOptions(
                instance=settings.instance,
                libraries=self._libraries,
                clock=self.clock,
                series_limits=settings.exposition.limits,
                limits=settings.timeouts.to_limits(),
                check_interval=settings.check_interval,
                budget=settings.governor.budget,
            ),
            windows=WindowBook(saved.windows),
            on_cycle=on_cycle,
        )
        judge = Judge(
            target,
            Evaluator(self._thresholds, self._rules),
            settings.alerting.policy(settings.http.external_url),
            self._archive.mutes,
            tracked=saved.findings,
            alerts=saved.alerts,
        )
        choices = settings.maintenance.choices()
        drift = DriftBook(saved.baselines)
        watch = Watch(loop, judge, self._thresholds, drift)
        watch.caretaker = Caretaker(
            target,
            self._executor(target, choices),
            choices,
            look=watch.look,
            clock=self.clock,
            changed=on_cycle,
        )
        watch.prober = self._prober(watch, saved.probes)
        scribe = Scribe(target, self._thresholds, state=lambda: self._reported(watch))
        loop.chore = scribe.keep
        return watch

    def _prober(self, watch: Watch, saved: SavedProbes) -> Prober:
        """Return what times policies, in turns with the watch's caretaker."""
        memory, caretaker = watch.loop.memory, watch.caretaker
        around = Surroundings(
            instance=self._settings.instance,
            clock=self.clock,
            look=watch.last_view,
            seat=caretaker.stepping_aside,
            is_acting=lambda: caretaker.is_acting,
            is_paused=lambda: self._standing.is_paused,
            publish=partial(setattr, memory, "probes"),
        )
        return Prober(watch.loop.target, around, saved)

    def _executor(self, target: Target, choices: Choices) -> ActionExecutor:
        """Return what carries out actions; without permission, what only tells."""
        if not acts(choices):
            return DryRunExecutor(self.clock.now)
        wanted = self._settings.maintenance
        access = ActAccess(
            credentials=target.maintainer or target.credentials,
            ddl=target.ddl,
            instance=self._settings.instance,
        )
        options = ActingOptions(
            allow_superuser=wanted.allow_superuser_actions,
            lock_timeout=wanted.lock_timeout,
            statement_timeout=wanted.statement_timeout,
            approval_expires=wanted.approval_expires,
        )
        may_run = gate(choices.policy, is_paused=lambda: self._standing.is_paused)
        return Executor(access, gate=may_run, options=options)

    async def reload(self, read: Reload) -> None:
        """Take over new settings, or keep the old ones and say why.

        Unchanged targets keep their connections. Raises ConfigError, after it
        has been noted for metrics and page.
        """
        async with self._reloading:
            await self._take_over(read)

    async def _take_over(self, read: Reload) -> None:
        try:
            settings = await asyncio.to_thread(read)
            self._thresholds.configure(settings.thresholds)
        except ConfigError as error:
            self._standing.config_error = error.message
            log.warning("config_not_loaded", error=error.message, detail=error.detail)
            self.daemon.board.mark()
            raise
        self._warn_of_fixed(settings)
        self._settings = settings
        self._standing.config_error = ""
        self._standing.config_loaded_at = self.clock.now()
        policy = settings.alerting.policy(settings.http.external_url)
        for watch in self.daemon.watches.values():
            watch.judge.policy = policy
        await self.daemon.discover(self._discovery())
        log.info("config_loaded")

    def _warn_of_fixed(self, settings: Settings) -> None:
        """Name what changed but is only read at start."""
        changed = [
            name
            for name in _FIXED
            if attrgetter(name)(settings) != attrgetter(name)(self._settings)
        ]
        if changed:
            log.warning("config_needs_restart", sections=changed)

    def close(self) -> None:
        """Close what outlives the daemon's run: the state file."""
        self._archive.close()

    def console(self, read: Reload) -> Console:
        """Return what operators may do to this daemon."""
        return Console(
            self.daemon.board,
            watches=lambda: self.daemon.watches,
            archive=self._archive,
            reload=partial(self.reload, read),
        )


def libraries(settings: Settings) -> Libraries:
    """Load the query files; an operator's file that is wrong is left out and named."""
    folder = Path(settings.metrics_dir) if settings.metrics_dir else None
    legacy = settings.exposition.legacy_names
    found = Libraries.load(folder, legacy_names=legacy)
    for error in found.errors:
        log.warning("query_file_left_out", error=error.message, detail=error.detail)
    return found


def acts(choices: Choices) -> bool:
    """Say whether any kind of action may ever be carried out."""
    modes = {choices.policy.mode, *choices.policy.modes.values()}
    return not modes <= {ActionMode.OFF, ActionMode.DRY_RUN}


def http_options(settings: Settings) -> ApiOptions:
    """Return how to serve HTTP."""
    http = settings.http
    web_config = Path(http.web_config_file) if http.web_config_file else None
    return ApiOptions(
        host=http.host,
        port=http.port,
        web_config_file=web_config,
        token=http.read_token,
        external_url=str(http.external_url or ""),
        expose_query_text=http.expose_query_text,
        has_legacy_names=settings.exposition.legacy_names,
    )
