"""Checks on a real server: what collectors read becomes a view, and is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from monitor.model.catalog import Catalog
from monitor.model.delta import Delta, difference
from monitor.model.finding import Finding
from monitor.model.snapshot import Reading
from monitor.model.target import Target
from monitor.model.view import Key, View
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.rules import discover
from monitor.runtime.thresholds import ThresholdBook
from tests.collecting import Bench, eventually

LATER = timedelta(hours=1)
"""So that a server that was started for the tests has been up for a while."""


@dataclass
class Court:
    """Everything read from one bench so far, and the evaluator."""

    at: Bench
    firsts: dict[Key, Reading[Any]] = field(default_factory=dict[Key, Reading[Any]])
    lasts: dict[Key, Reading[Any]] = field(default_factory=dict[Key, Reading[Any]])
    catalogs: dict[str, Catalog] = field(default_factory=dict[str, Catalog])
    roles: dict[int, str] = field(default_factory=dict[int, str])
    databases: dict[int, str] = field(default_factory=dict[int, str])

    async def read(self, *names: str) -> None:
        """Run collectors once, in this order."""
        for name in names:
            if not self.at.collectors[name].requests():
                continue
            collected = await self.at.collect(name)
            for reading in collected.readings:
                for row in reading.rows[:1]:
                    key: Key = cast("type[Any]", type(row)), reading.datname
                    self.firsts.setdefault(key, reading)
                    self.lasts[key] = reading
            if collected.catalog is not None:
                self.catalogs[collected.catalog.datname] = collected.catalog
            self.roles.update(collected.roles)
            self.databases.update(collected.databases)

    def view(self) -> View:
        """Return what has been read, with deltas since each first reading."""
        return View(
            target=Target(name="test"),
            server=self.at.server,
            now=datetime.now(UTC) + LATER,
            readings=self.lasts,
            lately=dict(self._deltas()),
            catalogs=self.catalogs,
            roles=self.roles,
            databases=self.databases,
        )

    def _deltas(self) -> Iterator[tuple[Key, Delta[Any]]]:
        for key, last in self.lasts.items():
            delta = difference(self.firsts[key], last)
            if delta is not None:
                yield key, delta

    def judge(self, check: str, **thresholds: object) -> tuple[Finding, ...]:
        """Return what one rule finds about this bench's database or the server."""
        rules = {check: discover()[check]}
        settings: Mapping[str, Mapping[str, object]] = {check: thresholds}
        evaluator = Evaluator(ThresholdBook(rules, settings), rules)
        evaluation = evaluator.run(self.view(), frozenset())
        assert evaluation.failed == {}
        here = ("", self.at.session.dbname)
        return tuple(f for f in evaluation.findings if f.database in here)

    async def await_finding(
        self, check: str, *names: str, **thresholds: object
    ) -> tuple[Finding, ...]:
        """Read again and again until a rule finds something."""

        async def look() -> tuple[tuple[Finding, ...], bool]:
            await self.read(*names)
            found = self.judge(check, **thresholds)
            return found, bool(found)

        return await eventually(look)
