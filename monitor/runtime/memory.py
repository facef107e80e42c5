"""What is known of one target between cycles; forgets what went stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from monitor.collectors.collector import Collected
from monitor.collectors.statement_texts import MOST_TEXTS, costliest
from monitor.model.catalog import Catalog
from monitor.model.delta import Delta
from monitor.model.rls import Probes
from monitor.model.rows import row_classes
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.server import Server
from monitor.model.snapshot import Reading, Sheet
from monitor.model.target import Target
from monitor.model.view import Key, StatementText, View
from monitor.runtime.history import History, Recent
from monitor.runtime.windows import WindowBook

MAX_TEXTS = MOST_TEXTS


@dataclass(frozen=True, slots=True)
class _Kept:
    """What one collector brought last, until `expires_at` on the monotonic clock."""

    keys: tuple[Key, ...]
    sheets: tuple[Sheet, ...]
    expires_at: float


class Memory:
    """Takes in what collectors bring and hands it out as sheets and as a view.

    Nothing is served past its lifetime: a frozen value looks like a healthy one.
    For the event loop only; what it hands out may go to a worker thread.
    """

    def __init__(
        self, target: Target, *, span_seconds: float, windows: WindowBook
    ) -> None:
        self.target = target
        self.windows = windows
        self.probes = Probes()
        self._span = span_seconds
        self._histories: dict[Key, History[Any]] = {}
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._catalogs: dict[str, Catalog] = {}
        self._texts: dict[int, StatementText] = {}
        self._roles: dict[int, str] = {}
        self._databases: dict[int, str] = {}
        self._bypassing: frozenset[int] = frozenset()

    @property
    def sizes(self) -> Mapping[str, int]:
        """Return how much of each kind is kept, to be held against its limit."""
        histories = self._histories.values()
        catalogs = self._catalogs.values()
        return {
            "texts": len(self._texts),
            "roles": len(self._roles),
            "databases": len(self._databases),
            "rows": sum(len(h.current.rows) for h in histories if h.current),
            "checkpoints": sum(len(h) for h in histories),
            "histories": len(self._histories),
            "relations": sum(len(c.relations) + len(c.indexes) for c in catalogs),
            "policies": sum(len(c.policies) for c in catalogs),
            "windows": len(self.windows),
        }

    def absorb(
        self, collector: str, datname: str, collected: Collected, *, expires_at: float
    ) -> tuple[Delta[Any], ...]:
        """Take in what one collector made of its replies; return the new deltas."""
        histories = [self._add(reading) for reading in collected.readings]
        self._kept[collector, datname] = _Kept(
            keys=tuple(_key(reading) for reading in collected.readings),
            sheets=collected.sheets,
            expires_at=expires_at,
        )
        if collected.catalog is not None:
            self._catalogs[collected.catalog.datname] = collected.catalog
        self._texts.update(collected.texts)
        self._forget_texts()
        # All there are: those of dropped roles and databases go.
        self._roles = dict(collected.roles) or self._roles
        self._databases = dict(collected.databases) or self._databases
        self._bypassing = collected.bypassing or self._bypassing
        return tuple(h.change for h in histories if h.change is not None)

    def _add(self, reading: Reading[Any]) -> History[Any]:
        history = self._histories.setdefault(_key(reading), History(self._span))
        history.add(reading)
        return history

    def _forget_texts(self) -> None:
        """Keep texts within their limit: first go those nobody asks for, the oldest."""
        if len(self._texts) <= MAX_TEXTS:
            return
        history = self._histories.get((StatementRow, ""))
        rows = history.current.rows if history and history.current else ()
        kept = self._texts.keys() & set(costliest(rows, MAX_TEXTS))
        newest = (queryid for queryid in reversed(self._texts) if queryid not in kept)
        kept |= set(islice(newest, MAX_TEXTS - len(kept)))
        self._texts = {q: text for q, text in self._texts.items() if q in kept}

    def expire(self, monotonic: float) -> None:
        """Forget what no collector has renewed in time.

        Histories stay: when the collector is back, the delta over the gap is as
        honest as any other.
        """
        for place in [p for p, k in self._kept.items() if k.expires_at < monotonic]:
            del self._kept[place]

    def forget(self, datname: str) -> None:
        """Forget a database that is gone or no longer watched."""
        for place in [p for p in self._kept if p[1] == datname]:
            del self._kept[place]
        for key in [k for k in self._histories if k[1] == datname]:
            del self._histories[key]
        self._catalogs.pop(datname, None)
        self.windows.forget(datname)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return what is to be exported, in a stable order."""
        return tuple(
            sheet for place in sorted(self._kept) for sheet in self._kept[place].sheets
        )

    def view(self, server: Server, now: datetime) -> View:
        """Return what checks may look at."""
        live = {
            key: self._histories[key]
            for kept in self._kept.values()
            for key in kept.keys
        }
        return View(
            target=self.target,
            server=server,
            now=now,
            readings={k: h.current for k, h in live.items() if h.current is not None},
            changes={k: h.change for k, h in live.items() if h.change is not None},
            lately=Recent({k: h.compared for k, h in live.items() if h.compared}),
            catalogs=dict(self._catalogs),
            windows=self.windows,
            texts=dict(self._texts),
            roles=dict(self._roles),
            databases=dict(self._databases),
            bypassing=self._bypassing,
            probes=self.probes,
        )


def _key(reading: Reading[Any]) -> Key:
    return row_classes()[reading.collector], reading.datname
