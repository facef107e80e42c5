"""When autovacuum would work on a table, with the table's own options.

Source: manual section 24.1.6; the formulas of relation_needs_vacanalyze.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Relation
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View

_OFF = ("false", "off", "no", "0", "f", "n")


_KINDS = ("r", "m")
"""Tables and materialized views; toast tables follow their own table."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its catalog entry, its statistics and the server's settings."""

    datname: str
    relation: Relation
    row: TableRow
    settings: SettingsRow

    @property
    def is_enabled(self) -> bool:
        """Say whether autovacuum looks after it, wraparound aside."""
        own = option(self.relation, "autovacuum_enabled")
        if own is not None and own.lower() in _OFF:
            return False
        return self.settings.autovacuum_enabled

    @property
    def vacuum_threshold(self) -> float:
        """Return how many dead tuples make autovacuum vacuum it."""
        settings = self.settings
        return self._threshold(
            "vacuum",
            settings.autovacuum_vacuum_threshold,
            settings.autovacuum_vacuum_scale_factor,
        )

    @property
    def analyze_threshold(self) -> float:
        """Return how many changed tuples make autovacuum analyze it."""
        settings = self.settings
        return self._threshold(
            "analyze",
            settings.autovacuum_analyze_threshold,
            settings.autovacuum_analyze_scale_factor,
        )

    @property
    def is_due(self) -> bool:
        """Say whether autovacuum should vacuum or analyze it now."""
        return self.is_enabled and (
            self.row.n_dead_tup > self.vacuum_threshold
            or self.row.n_mod_since_analyze > self.analyze_threshold
        )

    def _threshold(self, work: str, base: float, scale: float) -> float:
        base = self._number(f"autovacuum_{work}_threshold", base)
        scale = self._number(f"autovacuum_{work}_scale_factor", scale)
        # reltuples is -1 until the first VACUUM or ANALYZE (from 14), 0 before that.
        known = self.relation.reltuples
        threshold = base + scale * (known if known > 0 else self.row.n_live_tup)
        # From 18; -1 switches the cap off.
        cap = self._number(f"autovacuum_{work}_max_threshold", -1)
        return min(threshold, cap) if cap >= 0 else threshold

    def _number(self, name: str, default: float) -> float:
        own = option(self.relation, name)
        return default if own is None else float(own)


def tables(view: View) -> Iterator[Table]:
    """Yield every table of every database whose statistics and catalog are known."""
    for settings in view.rows(SettingsRow):
        for datname, rows in view.per_database(TableRow):
            catalog = view.catalogs.get(datname)
            if catalog is None:
                continue
            for row in rows:
                relation = catalog.relations.get(row.oid)
                if relation is not None and relation.kind in _KINDS:
                    yield Table(datname, relation, row, settings)


def option(relation: Relation, name: str) -> str | None:
    """Return a storage parameter of a table; None when it is not set."""
    prefix = f"{name}="
    for entry in relation.reloptions:
        if entry.startswith(prefix):
            return entry.removeprefix(prefix)
    return None
