"""Scrapes a daemon ten times a second, as a busy Prometheus would, and keeps notes."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

UP = re.compile(rb"^pg_up\{[^}]*\} (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Scrape:
    """One scrape: when it began, how long it took, what pg_up said."""

    at: float
    seconds: float
    up: float | None


@dataclass(slots=True)
class Scraper:
    """Runs in a thread of its own as a context manager."""

    url: str
    pause: float = 0.1
    scrapes: list[Scrape] = field(default_factory=list[Scrape])
    failures: list[str] = field(default_factory=list[str])
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(15)

    def _run(self) -> None:
        while not self._stop.wait(self.pause):
            started = time.monotonic()
            try:
                with urllib.request.urlopen(self.url, timeout=10) as response:
                    body: bytes = response.read()
            except OSError as error:
                self.failures.append(str(error))
                continue
            seconds = time.monotonic() - started
            match = UP.search(body)
            up = float(match[1]) if match else None
            self.scrapes.append(Scrape(started, seconds, up))

    @property
    def up(self) -> float | None:
        """Return what the last scrape said of pg_up."""
        return self.scrapes[-1].up if self.scrapes else None

    def quantile(self, share: float) -> float:
        """Return how long a share of the scrapes took at most, in seconds."""
        ordered = sorted(scrape.seconds for scrape in self.scrapes)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
