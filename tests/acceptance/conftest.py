"""Where a real Alertmanager sends its notifications."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.webhook import Hook


@pytest.fixture
def hook() -> Hook:
    """Return a webhook that has seen nothing."""
    return Hook()


@pytest.fixture
async def hook_url(hook: Hook) -> AsyncIterator[str]:
    """Return where the webhook listens."""
    app = web.Application()
    app.router.add_post("/", hook.post)
    async with TestServer(app) as listening:
        yield str(listening.make_url("/"))
