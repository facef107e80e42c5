"""The real application on fixed states, with an operator that records its calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from monitor.api.application import application
from monitor.api.options import ApiOptions
from monitor.model.action import JournalEntry
from monitor.model.finding import Mute, TrackedFinding
from monitor.model.state import State
from tests.unit import states
from tests.unit.factories import NOW

TOKEN = "t0ken-canary"
OPTIONS = ApiOptions(
    token=lambda: TOKEN, expose_query_text=True, now=lambda: NOW, port=0
)
OPERATE = {"Authorization": f"Bearer {TOKEN}"}

Client = TestClient[Request, Application]


@dataclass(slots=True)
class FixedState:
    """Publishes one state."""

    state: State

    def current(self) -> State:
        return self.state


@dataclass(slots=True)
class RecordingOperator:
    """Does nothing but remember; raises `failure` if it has one."""

    calls: list[tuple[object, ...]] = field(default_factory=list[tuple[object, ...]])
    failure: Exception | None = None

    async def approve(self, target: str, action_id: int, by: str) -> JournalEntry:
        return self._entry("approve", target, action_id, by)

    async def reject(self, target: str, action_id: int, by: str) -> JournalEntry:
        return self._entry("reject", target, action_id, by)

    async def undo(self, target: str, action_id: int, by: str) -> JournalEntry:
        return self._entry("undo", target, action_id, by)

    async def mute(
        self, finding_id: str, *, reason: str, until: datetime, by: str
    ) -> TrackedFinding:
        self._note("mute", finding_id, reason, until, by)
        mute = Mute(finding_id=finding_id, reason=reason, until=until, by=by)
        return replace(states.findings()[0], state="muted", mute=mute)

    async def reload(self) -> None:
        self._note("reload")

    async def pause(self, *, paused: bool) -> None:
        self._note("pause", paused)

    def _entry(self, *call: object) -> JournalEntry:
        self._note(*call)
        return states.entry()

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True, slots=True)
class Served:
    """A client of the running application, and the operator behind it."""

    client: Client
    operator: RecordingOperator


@asynccontextmanager
async def serving(
    state: State | None = None, options: ApiOptions = OPTIONS
) -> AsyncGenerator[Served]:
    """Serve a state until the block ends."""
    operator = RecordingOperator()
    source = FixedState(state if state is not None else states.state())
    app = application(source, operator, options)
    async with TestClient(TestServer(app)) as client:
        yield Served(client, operator)
