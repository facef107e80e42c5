"""What advisors say about an index or table: names, sizes, statements to type."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.definition import concurrently
from monitor.model.finding import Evidence, ObjectRef, Remedy
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.relation_size import SizeRow
from monitor.model.view import View

MAX_NAME_BYTES = 63
"""NAMEDATALEN - 1: the server cuts longer names silently."""

_CREATE_LOCK = "ShareUpdateExclusiveLock"
_DIGEST = 8
_BLOCK = 8192


def index_ref(index: Index) -> ObjectRef:
    """Return how a finding names an index."""
    return ObjectRef("index", index.schemaname, index.indexrelname)


def index_name(index: Index) -> str:
    """Return an index's qualified name, quoted."""
    return qualified(index.schemaname, index.indexrelname)


def table_name(relation: Relation) -> str:
    """Return a table's qualified name, quoted."""
    return qualified(relation.schemaname, relation.relname)


def sizes(view: View, datname: str) -> Callable[[Index], int]:
    """Return the lookup of an index's size in bytes.

    Where it was not read it is the pages of the last VACUUM, of 8 kB each.
    """
    exact = {row.oid: row.size_bytes for row in view.rows(SizeRow, datname)}

    def size(index: Index) -> int:
        return exact.get(index.oid, index.relpages * _BLOCK)

    return size


def about(relation: Relation, index: Index) -> tuple[Evidence, ...]:
    """Return the evidence by which a later action finds its object again."""
    return (
        Evidence("table", table_name(relation)),
        Evidence("table oid", relation.oid),
        Evidence("index oid", index.oid),
    )


def removal(index: Index, risk: str) -> Remedy:
    """Return the remedy that drops an index and its undo."""
    undo = concurrently(index.definition)
    return Remedy(
        sql=f"drop index concurrently {index_name(index)};",
        undo=f"{undo};" if undo else "",
        lock="ShareUpdateExclusiveLock",
        risk=risk,
    )


def addition(relation: Relation, name: str, columns: Iterable[str]) -> Remedy:
    """Return the remedy that creates an index and its undo."""
    keys = ", ".join(map(quote_ident, columns))
    table = table_name(relation)
    new = qualified(relation.schemaname, name)
    if relation.kind == "p":
        return Remedy(
            sql=f"create index {quote_ident(name)} on only {table} ({keys});",
            undo=f"drop index {new};",
            lock="ShareLock on the parent, for a moment",
            risk=(
                "The parent's index stays invalid until each partition has one: "
                "create those concurrently and attach them with ALTER INDEX … "
                "ATTACH PARTITION."
            ),
        )
    return Remedy(
        sql=f"create index concurrently {quote_ident(name)} on {table} ({keys});",
        undo=f"drop index concurrently {new};",
        lock=_CREATE_LOCK,
        risk=(
            "Reads the table twice and waits for older transactions; every later "
            "write maintains the index. An interrupted build leaves an invalid one."
        ),
    )


def free_name(catalog: Catalog, relation: Relation, columns: Iterable[str]) -> str:
    """Return a name for a new index that is free in its schema and at most 63 bytes.

    The same table and columns give the same name as long as nobody else takes it.
    """
    wanted = "_".join((relation.relname, *columns, "idx"))
    taken = _names(catalog, relation.schemaname)
    name = _fitting(wanted)
    number = 2
    while name in taken:
        name = _fitting(f"{wanted}{number}")
        number += 1
    return name


def _fitting(name: str) -> str:
    raw = name.encode()
    if len(raw) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST]
    kept = raw[: MAX_NAME_BYTES - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}_{digest}"


def _names(catalog: Catalog, schema: str) -> frozenset[str]:
    tables = (each.relname for each in catalog.relations.values())
    indexes = (
        each.indexrelname
        for each in catalog.indexes.values()
        if each.schemaname == schema
    )
    return frozenset((*tables, *indexes))
