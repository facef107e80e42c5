"""The catalog of one database: relations, indexes, foreign keys, policies.

Only what changed is read: we send each object's version and the server returns
those whose version moved. A large catalog is not even looked at while the system
catalogs' own write counts stand still, at most four times in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, LiteralString, cast

from monitor.collectors.catalog_store import CatalogStore
from monitor.collectors.collector import Collected, Moment, Place
from monitor.collectors.objects import Objects
from monitor.collectors.query_collector import FileCollector
from monitor.postgres.queries import Library
from monitor.postgres.request import Reply, Request

_LARGE = 2_000
_FULL_EVERY = 5
_BATCH = 3_000
"""As many objects as the queries return at most; a full batch means more."""
_SOON = timedelta(seconds=1)
_DEFINITIONS = 1_000


class CatalogCollector(FileCollector):
    """Keeps the catalog current; publishes it once it is whole.

    `interval` is a second while there is more to read.
    """

    def __init__(
        self, place: Place, library: Library, objects: Objects, store: CatalogStore
    ) -> None:
        super().__init__(place, library, "catalog_relations")
        self._objects = objects
        self._store = store
        self._indexes = library.only("catalog_indexes")
        self._foreign_keys = library.only("catalog_foreign_keys")
        self._policies = library.only("catalog_policies")
        self._activity = library.only("catalog_activity")
        self._writes: int | None = None
        self._unread_rounds = 0
        self._is_behind = True

    @property
    def name(self) -> str:
        """Return `catalog`: several queries make it."""
        return "catalog"

    @property
    def interval(self) -> timedelta:
        """Return the catalog interval, a second while there is more to read."""
        return _SOON if self._is_behind else super().interval

    def requests(self) -> tuple[Request, ...]:
        """Return the write counts, and the queries when something may have moved."""
        activity = Request(name="catalog_activity", sql=self._activity.sql)
        if not self._is_due():
            return (activity,)
        return (
            activity,
            self._changes("catalog_relations", self.query.sql, "relations"),
            self._changes("catalog_indexes", self._indexes.sql, "indexes"),
            Request(name="catalog_foreign_keys", sql=self._foreign_keys.sql),
            Request(name="catalog_policies", sql=self._policies.sql),
        )

    def _is_due(self) -> bool:
        is_small = self._store.size < _LARGE
        return self._is_behind or is_small or self._unread_rounds >= _FULL_EVERY - 1

    def _changes(self, name: str, sql: LiteralString, kind: str) -> Request:
        versions = self._store.versions(kind)
        parameters = {"oids": list(versions), "versions": list(versions.values())}
        return Request(name=name, sql=sql, parameters=parameters)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return the catalog, if it is whole; the same object if nothing changed."""
        del moment
        by_name = {reply.name: reply for reply in replies}
        moved = self._moved(by_name["catalog_activity"])
        if "catalog_relations" not in by_name:
            self._unread_rounds += 1
            self._is_behind = moved
            return Collected(catalog=self._objects.catalog)
        relations, indexes = by_name["catalog_relations"], by_name["catalog_indexes"]
        self._unread_rounds = 0
        self._store.take_relations(_dicts(relations))
        self._store.take_indexes(_dicts(indexes))
        self._store.take_foreign_keys(by_name["catalog_foreign_keys"])
        self._store.take_policies(by_name["catalog_policies"])
        self._is_behind = max(len(relations.rows), len(indexes.rows)) >= _BATCH
        if self._is_behind and self._objects.catalog is None:
            return Collected()
        return Collected(catalog=self._store.publish(self._objects))

    def _moved(self, reply: Reply) -> bool:
        """Say whether the system catalogs were written to since the last look."""
        ((is_standby, writes),) = cast("tuple[tuple[bool, int], ...]", reply.rows)
        has_moved = is_standby or writes != self._writes
        self._writes = writes
        return has_moved


class DefinitionsCollector(FileCollector):
    """Fetches definitions and expressions that the catalog lacks, in batches.

    Those of a locked relation stay unknown until their turn comes again.
    """

    def __init__(
        self, place: Place, library: Library, objects: Objects, store: CatalogStore
    ) -> None:
        super().__init__(place, library, "catalog_definitions")
        self._objects = objects
        self._store = store
        self._is_stuck = False

    @property
    def interval(self) -> timedelta:
        """Return how long to wait: short while something can be fetched.

        Each run may cost a connection, so a quiet database is left alone.
        """
        if self._objects.catalog is None or self._store.lacking > _DEFINITIONS:
            return _SOON
        if self._store.lacking and not self._is_stuck:
            return self.place.target.intervals.activity
        return super().interval

    def requests(self) -> tuple[Request, ...]:
        """Return one batch; none while every definition is known."""
        if self._objects.catalog is None:
            return ()
        indexes, policies = self._store.next_undefined(_DEFINITIONS)
        if not indexes and not policies:
            return ()
        parameters = {"indexes": indexes, "policies": policies}
        return (Request(name=self.name, sql=self.query.sql, parameters=parameters),)

    def read(self, replies: Sequence[Reply], moment: Moment) -> Collected:
        """Return the catalog with what came."""
        del moment
        (reply,) = replies
        has_any = self._store.take_definitions(_dicts(reply))
        self._is_stuck = not has_any
        if has_any:
            return Collected(catalog=self._store.publish(self._objects))
        return Collected()


def _dicts(reply: Reply) -> list[dict[str, Any]]:
    rows = cast("tuple[tuple[Any, ...], ...]", reply.rows)
    return [dict(zip(reply.columns, row, strict=True)) for row in rows]
