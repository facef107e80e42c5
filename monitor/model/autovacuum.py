"""When autovacuum would work on a table, with the table's own options.

Source: manual section 24.1.6; the formulas of relation_needs_vacanalyze.
"""

from __future__ import annotations

from monitor.model.catalog import Relation
from monitor.model.rows.settings import SettingsRow
from monitor.model.rows.stat_user_tables import TableRow


def option(relation: Relation, name: str) -> str | None:
    """Return a storage parameter of a table; None when it is not set."""
    prefix = f"{name}="
    for entry in relation.reloptions:
        if entry.startswith(prefix):
            return entry.removeprefix(prefix)
    return None


def is_enabled(relation: Relation, settings: SettingsRow) -> bool:
    """Say whether autovacuum looks after a table, wraparound aside."""
    own = option(relation, "autovacuum_enabled")
    if own is not None and own.lower() in ("false", "off", "no", "0", "f", "n"):
        return False
    return settings.autovacuum_enabled


def vacuum_threshold(relation: Relation, row: TableRow, settings: SettingsRow) -> float:
    """Return how many dead tuples make autovacuum vacuum a table."""
    return _threshold(
        relation,
        row,
        "vacuum",
        base=settings.autovacuum_vacuum_threshold,
        scale=settings.autovacuum_vacuum_scale_factor,
    )


def analyze_threshold(
    relation: Relation, row: TableRow, settings: SettingsRow
) -> float:
    """Return how many changed tuples make autovacuum analyze a table."""
    return _threshold(
        relation,
        row,
        "analyze",
        base=settings.autovacuum_analyze_threshold,
        scale=settings.autovacuum_analyze_scale_factor,
    )


def _threshold(
    relation: Relation, row: TableRow, work: str, *, base: float, scale: float
) -> float:
    base = _number(relation, f"autovacuum_{work}_threshold", base)
    scale = _number(relation, f"autovacuum_{work}_scale_factor", scale)
    # reltuples is -1 until the first VACUUM or ANALYZE (from 14), 0 before that.
    tuples = relation.reltuples if relation.reltuples > 0 else row.n_live_tup
    threshold = base + scale * tuples
    # From 18; -1 switches the cap off.
    cap = _number(relation, f"autovacuum_{work}_max_threshold", -1)
    return min(threshold, cap) if cap >= 0 else threshold


def _number(relation: Relation, name: str, default: float) -> float:
    own = option(relation, name)
    return default if own is None else float(own)
