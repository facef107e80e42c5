"""Since when each index has been watched without interruption, and its scans since.

The windows are our own: `idx_scan = 0` after a crash, a failover or a reset says
nothing, so every change of epoch restarts the windows of that database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter

from monitor.model.rows.stat_user_indexes import IndexRow
from monitor.model.snapshot import Reading
from monitor.model.window import UsageWindow

Place = tuple[str, int]
"""Database and index oid."""


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """One window as it is kept between readings and in the state file.

    `counter` is idx_scan when last seen. After a restart of the daemon the
    window goes on where the epoch is the same; scans that happened meanwhile
    are counted.
    """

    since: datetime
    counter: int
    scans: int = 0
    last_scan: datetime | None = None


@dataclass(slots=True)
class DatabaseWindows:
    """The windows of one database, all under one statistics epoch."""

    epoch: str
    until: datetime
    records: dict[int, WindowRecord] = field(default_factory=dict[int, WindowRecord])


class WindowBook(Mapping[Place, UsageWindow]):
    """The usage windows of one target's indexes, by database and oid.

    `peers` are the books of the same cluster's standbys: usage there is
    invisible here, so a window is only as old as the youngest of all.
    """

    def __init__(self, databases: Mapping[str, DatabaseWindows] | None = None) -> None:
        self.databases: dict[str, DatabaseWindows] = dict(databases or {})
        self.peers: Mapping[str, WindowBook] = {}
        self._read: dict[str, tuple[IndexRow, ...]] = {}

    def note(self, reading: Reading[IndexRow], now: datetime) -> None:
        """Take in a reading of one database's indexes."""
        known = self.databases.get(reading.datname)
        if known is None or known.epoch != reading.epoch:
            known = DatabaseWindows(epoch=reading.epoch, until=now)
            self.databases[reading.datname] = known
            self._read.pop(reading.datname, None)
        known.until = now
        before = self._read.get(reading.datname, ())
        self._read[reading.datname] = reading.rows
        unmoved = set(map(id, before))
        for row in reading.rows:
            if id(row) in unmoved:
                continue
            record = known.records.get(row.oid)
            if record is None or row.idx_scan_total < record.counter:
                known.records[row.oid] = WindowRecord(now, row.idx_scan_total)
            elif row.idx_scan_total > record.counter:
                scans = record.scans + row.idx_scan_total - record.counter
                known.records[row.oid] = WindowRecord(
                    record.since, row.idx_scan_total, scans, now
                )
        if len(known.records) > len(reading.rows):
            _drop_missing(known, map(attrgetter("oid"), reading.rows))

    def forget(self, datname: str) -> None:
        """Forget a database that is gone."""
        self.databases.pop(datname, None)
        self._read.pop(datname, None)

    def snapshot(self) -> Mapping[str, DatabaseWindows]:
        """Return the windows as they are now, for a thread that writes them.

        Records never change, so that copying the dictionaries is enough: 1 ms for
        30,000 indexes, where a deep copy holds the loop for two seconds.
        """
        return {
            name: replace(known, records=dict(known.records))
            for name, known in self.databases.items()
        }

    def __getitem__(self, place: Place) -> UsageWindow:
        datname, oid = place
        known = self.databases[datname]
        record = known.records[oid]
        since, scans, last = record.since, record.scans, record.last_scan
        seen: list[str] = []
        for name, book in self.peers.items():
            theirs = book.databases.get(datname)
            if theirs is None or oid not in theirs.records:
                continue
            other = theirs.records[oid]
            seen.append(name)
            since = max(since, other.since)
            scans += other.scans
            last = max(filter(None, (last, other.last_scan)), default=None)
        return UsageWindow(
            datname=datname,
            oid=oid,
            since=since,
            until=known.until,
            scans=scans,
            last_scan=last,
            standbys=tuple(seen),
        )

    def __iter__(self) -> Iterator[Place]:
        # Copies: checks read in a worker thread while the loop takes in readings.
        for datname, known in list(self.databases.items()):
            for oid in list(known.records):
                yield datname, oid

    def __len__(self) -> int:
        return sum(len(known.records) for known in self.databases.values())


def _drop_missing(known: DatabaseWindows, present: Iterable[int]) -> None:
    """Forget dropped indexes; an oid is not used again soon, but it can be."""
    gone = known.records.keys() - set(present)
    for oid in gone:
        del known.records[oid]
