from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from monitor.model.state import TargetState
from monitor.model.target import Target
from monitor.runtime.board import Board, Standing
from monitor.runtime.clock import Clock
from monitor.runtime.judge import Judge
from monitor.runtime.watch import Watch
from tests.unit.factories import NOW
from tests.unit.runtime.watches import judge_of, watch_of


class BrokenJudge(Judge):
    """A judge with a defect."""

    def judge_unreachable(
        self, *, error: str, since: datetime | None, now: datetime
    ) -> None:
        del error, since, now
        raise ZeroDivisionError("by nothing")


def broken_watch(name: str) -> Watch:
    judge = judge_of(Target(name=name), mutes={})
    return watch_of(
        name, judge=BrokenJudge(Target(name=name), judge.evaluator, judge.policy, {})
    )


@dataclass
class Stage:
    """A board, its watches, its clock, and what it told of."""

    watches: dict[str, Watch] = field(default_factory=dict[str, Watch])
    now: datetime = NOW
    judged: list[str] = field(default_factory=list[str])
    remove_when_judged: str = ""

    def __post_init__(self) -> None:
        self.board = Board(
            Standing(instance="test", version="1", started_at=NOW),
            watches=lambda: self.watches,
            notifiers=tuple,
            on_judged=self.note,
            overall=lambda _states, _before: (),
            clock=Clock(now=lambda: self.now),
        )

    def note(self, watch: Watch, state: TargetState) -> None:
        del watch
        self.judged.append(state.target.name)
        self.watches.pop(self.remove_when_judged, None)

    async def publish(self, *names: str) -> tuple[str, ...]:
        for name in names:
            self.board.mark(name)
        await self.board.publish()
        return tuple(t.target.name for t in self.board.current().targets)


async def test_a_defect_in_one_target_hides_no_other() -> None:
    stage = Stage({"a": broken_watch("a"), "b": watch_of("b")})

    shown = await stage.publish("a", "b")

    assert shown == ("b",)


async def test_a_defect_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    stage = Stage({"a": broken_watch("a")})

    await stage.publish("a")
    await stage.publish("a")

    assert capsys.readouterr().out.count("state_not_published") == 1


async def test_a_target_that_goes_while_others_are_judged_is_left_out() -> None:
    stage = Stage({"a": watch_of("a"), "b": watch_of("b")}, remove_when_judged="b")

    shown = await stage.publish("a", "b")

    assert shown == ("a",)
    assert stage.judged == ["a"]


async def test_a_removed_target_is_on_no_page() -> None:
    stage = Stage({"a": watch_of("a"), "b": watch_of("b")})
    await stage.publish("a", "b")

    del stage.watches["b"]
    shown = await stage.publish()

    page = stage.board.current().exposition
    assert shown == ("a",)
    assert page is not None
    assert b'server="b"' not in page.body(openmetrics=False, compressed=False)


class RemovingJudge(Judge):
    """A judge during whose work its target is removed."""

    watches: dict[str, Watch]

    def judge_unreachable(
        self, *, error: str, since: datetime | None, now: datetime
    ) -> None:
        super().judge_unreachable(error=error, since=since, now=now)
        self.watches.clear()


async def test_a_target_removed_while_it_is_judged_sends_no_alerts() -> None:
    stage = Stage()
    known = judge_of(Target(name="a"), mutes={})
    judge = RemovingJudge(Target(name="a"), known.evaluator, known.policy, {})
    judge.watches = stage.watches
    stage.watches["a"] = watch_of("a", judge=judge)

    shown = await stage.publish("a")

    assert (shown, stage.judged) == ((), [])


async def test_the_heart_beats_without_a_target() -> None:
    stage = Stage(now=NOW + timedelta(seconds=30))

    await stage.publish()

    assert stage.board.current().heartbeat == NOW + timedelta(seconds=30)


async def test_news_alone_is_no_heartbeat() -> None:
    stage = Stage({"a": watch_of("a")})
    stage.now = NOW + timedelta(seconds=30)

    stage.board.mark("a")

    assert stage.board.current().heartbeat == NOW


def test_what_a_worker_judges_does_not_change_under_it() -> None:
    watch = watch_of()
    sight = watch.sight(NOW)

    watch.loop.up = True
    watch.loop.error = ""
    state = watch.observe(sight)

    assert (state.up, state.error) == (False, "no route to host")
