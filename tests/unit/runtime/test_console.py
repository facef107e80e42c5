from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from monitor.errors import ConfigError
from monitor.model.finding import Mute
from monitor.runtime.archive import Archive
from monitor.runtime.board import Board, Standing
from monitor.runtime.clock import Clock
from monitor.runtime.console import Console
from monitor.runtime.watch import Watch
from tests.unit.factories import NOW
from tests.unit.runtime.watches import watch_of

UNTIL = NOW + timedelta(hours=1)


@dataclass
class Stage:
    """A console over watches that do not run, without a state file."""

    names: tuple[str, ...] = ("orders",)
    watches: dict[str, Watch] = field(default_factory=dict[str, Watch])

    def __post_init__(self) -> None:
        clock = Clock(now=lambda: NOW)
        self.standing = Standing(instance="test", version="1", started_at=NOW)
        self.archive = Archive(None, self.standing, clock)
        self.board = Board(
            self.standing,
            watches=lambda: self.watches,
            notifiers=tuple,
            on_judged=lambda _watch, _state: None,
            overall=lambda _states, _before: (),
            clock=clock,
        )
        for name in self.names:
            self.watches[name] = watch_of(name, mutes=self.archive.mutes)
        self.console = Console(
            self.board,
            watches=lambda: self.watches,
            archive=self.archive,
            reload=self.reload,
        )

    async def reload(self) -> None:
        raise ConfigError("no such file")

    async def finding_id(self) -> str:
        """Judge the target, which is down, and return the finding's id."""
        for name in self.names:
            self.board.mark(name)
        await self.board.publish()
        return self.watches["orders"].judge.findings[0].finding.id


async def test_a_target_that_does_not_exist_is_named() -> None:
    stage = Stage()

    with pytest.raises(LookupError, match='no target "sales"'):
        await stage.console.approve("sales", 1, "ann")


async def test_an_action_that_does_not_exist_is_named() -> None:
    stage = Stage()

    with pytest.raises(LookupError, match="no action 1"):
        await stage.console.undo("orders", 1, "ann")


async def test_a_finding_that_does_not_exist_is_not_muted() -> None:
    stage = Stage()

    with pytest.raises(LookupError, match='no finding "f00"'):
        await stage.console.mute("f00", reason="known", until=UNTIL, by="ann")

    assert stage.archive.mutes == {}


async def test_a_mute_shows_at_once() -> None:
    stage = Stage()
    identity = await stage.finding_id()

    muted = await stage.console.mute(identity, reason="known", until=UNTIL, by="ann")

    (target,) = stage.board.current().targets
    assert muted.state == "muted"
    assert [f.state for f in target.findings] == ["muted"]


async def test_mutes_that_ended_are_not_kept() -> None:
    stage = Stage()
    identity = await stage.finding_id()
    ended = Mute(finding_id="old", reason="known", until=NOW)
    stage.archive.mutes["old"] = ended

    await stage.console.mute(identity, reason="known", until=UNTIL, by="ann")

    assert list(stage.archive.mutes) == [identity]


async def test_a_pause_is_in_force_and_shown() -> None:
    stage = Stage()

    await stage.console.pause(paused=True)
    await stage.board.publish()

    assert stage.board.current().is_paused


async def test_an_invalid_configuration_is_the_callers_to_tell() -> None:
    stage = Stage()

    with pytest.raises(ConfigError, match="no such file"):
        await stage.console.reload()
