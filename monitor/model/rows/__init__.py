"""Rows of the `sql/stats` queries: one module per query, one field per column.

Modules are named after the statistics view without its `pg_`, where there is one:
that is also the prefix of the exported metrics. `sql/stats/NAME.sql` returns
exactly the fields of the row class in `rows/NAME.py`, on every server version; a
test compares them. A column that a version lacks is NULL and the field None.
Fields ending in `_total` are counters; `_seconds`, `_bytes`, `_ratio` name units.
"""
