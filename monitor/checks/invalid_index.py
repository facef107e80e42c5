"""An index is invalid: it costs writes and serves no reads.

## Meaning

CREATE INDEX CONCURRENTLY, REINDEX CONCURRENTLY or DROP INDEX CONCURRENTLY was
cancelled or failed and left the index behind. The planner does not use it; unless
it is not even ready, every write still maintains it. A unique index that is
invalid may not hold its promise.

## If ignored

Writes pay for nothing, and the statements the index was made for stay slow.

## How to look

    select indexrelid::pg_catalog.regclass, indisvalid, indisready
    from pg_catalog.pg_index
    where not indisvalid;

## How to fix

Drop a leftover of REINDEX (`_ccnew`, `_ccold`). Rebuild an index you want with
REINDEX INDEX CONCURRENTLY, or drop it and create it again. On a partitioned table
the index becomes valid when every partition has its part attached.

## How to silence

Set `thresholds.invalid_index.enabled` to false, or mute the index's finding.

## Thresholds

None: there is no good number of invalid indexes. One that is being built right
now looks the same, so the finding should last a while before it alerts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.relation_size import SizeRow
from monitor.model.threshold import Parameters
from monitor.model.units import size
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.WARNING,)
NEEDS = (Catalog,)

_PARTITIONED = "p"
_LEFTOVER = ("_ccnew", "_ccold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per invalid index."""
    for catalog in view.catalogs.values():
        sizes = {row.oid: row for row in view.rows(SizeRow, catalog.datname)}
        for index in catalog.indexes.values():
            if not index.is_valid:
                yield _finding(catalog, index, sizes.get(index.oid))


def _finding(catalog: Catalog, index: Index, row: SizeRow | None) -> Finding:
    table = catalog.relations.get(index.relid)
    name = qualified(index.schemaname, index.indexrelname)
    return Finding(
        severity=Severity.WARNING,
        database=catalog.datname,
        object=ObjectRef("index", index.schemaname, index.indexrelname),
        summary=(
            f"index {name} on table {qualified(index.schemaname, index.relname)} "
            f"is invalid{_cost(index, row)}"
        ),
        evidence=tuple(_evidence(index, row)),
        unknowns=(
            "Whether it is being built right now: see pg_stat_progress_create_index.",
        ),
        confidence="medium",
        remedy=_remedy(index, table),
    )


def _cost(index: Index, row: SizeRow | None) -> str:
    upkeep = "every write maintains it" if index.is_ready else "nothing maintains it"
    return f": {size(row.size_bytes)}, {upkeep}" if row else f": {upkeep}"


def _evidence(index: Index, row: SizeRow | None) -> Iterator[Evidence]:
    yield Evidence("ready for writes", "yes" if index.is_ready else "no")
    if row is not None:
        yield Evidence("size", row.size_bytes, "bytes")
    if index.definition:
        yield Evidence("definition", index.definition)


def _remedy(index: Index, table: Relation | None) -> Remedy:
    name = qualified(index.schemaname, index.indexrelname)
    if table is not None and table.kind == _PARTITIONED:
        return Remedy(
            sql=(
                "select inhrelid::pg_catalog.regclass\nfrom pg_catalog.pg_inherits\n"
                f"where inhparent = {index.oid};"
            ),
            risk=(
                "Reads only; lists the parts attached. Create the missing ones "
                "concurrently and attach each with ALTER INDEX … ATTACH PARTITION."
            ),
        )
    if _is_leftover(index) or not (index.constraint or index.is_unique):
        return Remedy(
            sql=f"drop index concurrently {name};",
            undo=f"{index.definition};" if index.definition else "",
            lock="ShareUpdateExclusiveLock",
            risk="Waits for transactions that use the table; cannot be cancelled half.",
        )
    return Remedy(
        sql=f"reindex index concurrently {name};",
        lock="ShareUpdateExclusiveLock",
        risk=(
            "Reads the whole table; fails again if duplicate values were the reason."
        ),
    )


def _is_leftover(index: Index) -> bool:
    return index.indexrelname.rstrip("0123456789").endswith(_LEFTOVER)
