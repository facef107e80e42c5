"""Rows of the `sql/stats` queries: one module per query, one field per column.

Modules are named after the statistics view without its `pg_`, where there is one:
that is also the prefix of the exported metrics. `sql/stats/NAME.sql` returns
exactly the fields of the row class in `rows/NAME.py`, on every server version; a
test compares them. A column that a version lacks is NULL and the field None.
Fields ending in `_total` are counters; `_seconds`, `_bytes`, `_ratio` name units.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from monitor import resources


@cache
def row_classes() -> dict[str, type[Any]]:
    """Return each query's row class by the query's name, found by place."""
    found: dict[str, type[Any]] = {}
    for name, module in resources.modules("monitor.model.rows", "ClassVar").items():
        found[name] = next(
            value
            for value in vars(module).values()
            if isinstance(value, type) and value.__module__ == module.__name__
        )
    return found
