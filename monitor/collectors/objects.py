"""What the collectors of one database know of its objects, shared between them."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.catalog import Catalog
from monitor.model.rows.stat_statements import StatementRow


@dataclass(slots=True)
class Objects:
    """The last complete catalog of a database, None before there is one.

    `names_version` moves when a relation was renamed. `written` are tables
    that were written to since their size was last read.
    """

    catalog: Catalog | None = None
    names_version: int = 0
    written: set[int] = field(default_factory=set[int])


@dataclass(slots=True)
class Statements:
    """The entries of pg_stat_statements last read, for whoever fetches texts."""

    rows: tuple[StatementRow, ...] = ()
