"""What every handler is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from monitor.api.access import Gate
from monitor.api.options import ApiOptions
from monitor.api.web_files import WebFiles
from monitor.model.state import Operator, StateSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The state to show, the operator to ask, and threads to prepare bodies in."""

    states: StateSource
    operator: Operator
    options: ApiOptions
    files: WebFiles
    gate: Gate
    executor: Executor

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run work that takes CPU time in a thread, so that scrapes go on."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, work)


CONTEXT = web.AppKey("context", Context)
