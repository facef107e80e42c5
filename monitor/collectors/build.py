"""Builds every collector of a place, found by their files.

A `sql/stats` file with a row class of its name is an ordinary collector, a
`sql/metrics` file a metric; those with a way of their own are named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor import resources
from monitor.collectors import stat_user
from monitor.collectors.catalog import CatalogCollector, DefinitionsCollector
from monitor.collectors.catalog_store import CatalogStore
from monitor.collectors.collector import Collector, Place
from monitor.collectors.lints import LintsCollector
from monitor.collectors.objects import Objects, Statements
from monitor.collectors.query_collector import MetricCollector, RowsCollector
from monitor.collectors.relation_size import SizesCollector
from monitor.collectors.stat_statements import StatementsCollector
from monitor.collectors.statement_texts import TextsCollector
from monitor.errors import ConfigError
from monitor.model.rows import row_classes
from monitor.postgres.queries import Library

_SPECIAL = frozenset(
    {
        "relation_size",
        "stat_statements",
        "stat_statements_info",
        "stat_user_indexes",
        "stat_user_tables",
    }
)


@dataclass(frozen=True, slots=True)
class Libraries:
    """The query files of one daemon: for checks, for export, and catalog lints.

    `metrics` are the shipped ones and the operator's own.
    """

    stats: Library
    metrics: Library
    lints: Library

    @classmethod
    def load(
        cls, metrics_dir: Path | None = None, *, legacy_names: bool = False
    ) -> Libraries:
        """Return the shipped files and those of the operator's folder.

        With `legacy_names` also those that export postgres_exporter's names.
        """
        sql = resources.directory("sql")
        stats = Library.load(sql / "stats")
        legacy = [sql / "legacy"] if legacy_names else []
        own = [metrics_dir] if metrics_dir else []
        folders = [sql / "metrics", *legacy, *own]
        metrics = Library.load(*folders, taken=stats.names)
        return cls(stats, metrics, Library.load(sql / "lints"))

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        """Return what is wrong with files; they are left out, the others work."""
        return self.stats.errors + self.metrics.errors + self.lints.errors


def build(place: Place, libraries: Libraries) -> tuple[Collector, ...]:
    """Return the collectors of one database of one server.

    Those of the whole server are built for the control database only. One that
    cannot run here is among them and says why.
    """
    return tuple(_build(place, libraries))


def _build(place: Place, libraries: Libraries) -> Iterator[Collector]:
    yield from _ordinary(place, libraries.stats)
    if place.is_control:
        statements = Statements()
        yield StatementsCollector(place, libraries.stats, statements)
        yield TextsCollector(place, libraries.stats, statements)
    yield from _objects(place, libraries.stats)
    yield LintsCollector(place, libraries.lints)
    for name in _here(libraries.metrics, place, libraries.metrics.names):
        yield MetricCollector(place, libraries.metrics, name)


def _ordinary(place: Place, library: Library) -> Iterator[Collector]:
    classes = row_classes()
    ordinary = (classes.keys() & set(library.names)) - _SPECIAL
    for name in _here(library, place, sorted(ordinary)):
        yield RowsCollector(place, library, name, classes[name])


def _objects(place: Place, library: Library) -> Iterator[Collector]:
    objects, store = Objects(), CatalogStore(place.datname)
    yield CatalogCollector(place, library, objects, store)
    yield DefinitionsCollector(place, library, objects, store)
    yield stat_user.tables(place, library, objects)
    yield stat_user.indexes(place, library, objects)
    yield SizesCollector(place, library, objects)


def _here(library: Library, place: Place, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        is_local = library.choose(name, place.server).scope == "database"
        if is_local or place.is_control:
            yield name
