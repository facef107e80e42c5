"""Services of an operator's own that alerts are posted to, and that misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass(slots=True)
class Desk:
    """A receiver; `heard` holds name and status of each alert, in order.

    `status` is what it answers; with `is_hanging` it does not answer at all. What
    it does not answer with 200 it has not heard.
    """

    url: str = ""
    status: int = 200
    attempts: int = 0
    alerts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    is_hanging: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def take(self, body: dict[str, Any]) -> int:
        """Take a post in; return the status of the answer."""
        self.attempts += 1
        if self.is_hanging:
            self.released.wait(30)
            return 503
        if self.status == 200:
            self.alerts += body.get("alerts", ())
            self.messages += body.get("attachments", ())
        return self.status

    def of(self, name: str, **labels: str) -> list[str]:
        """Return the statuses of an alert, in the order they were heard."""
        return [
            str(alert["status"])
            for alert in self.alerts
            if alert["labels"]["alertname"] == name
            and labels.items() <= alert["labels"].items()
        ]

    def titles(self, word: str) -> list[str]:
        """Return the titles of Slack messages that hold a word."""
        return [str(m["title"]) for m in self.messages if word in str(m)]


class _Handler(BaseHTTPRequestHandler):
    desk: ClassVar[Desk]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.desk.take(json.loads(body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        del format, args


@contextmanager
def listening() -> Generator[Desk]:
    """Run a receiver in a thread of its own."""
    desk = Desk()
    handler = type("Handler", (_Handler,), {"desk": desk})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        desk.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        thread.start()
        try:
            yield desk
        finally:
            desk.released.set()
            server.shutdown()
            thread.join()
