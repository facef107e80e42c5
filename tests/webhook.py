"""A webhook that remembers what Alertmanager notifies."""

from __future__ import annotations

from aiohttp import web


class Hook:
    """Receives notifications; `seen` holds the name and status of each alert."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    async def post(self, request: web.Request) -> web.Response:
        """Take one notification, which may hold several alerts."""
        for alert in (await request.json())["alerts"]:
            self.seen.append((alert["labels"]["alertname"], alert["status"]))
        return web.Response()
