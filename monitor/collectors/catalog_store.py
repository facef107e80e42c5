"""Keeps one database's catalog between readings and makes it the model's value.

Names repeat tens of thousands of times in a large catalog: they are shared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from monitor.collectors.objects import Objects
from monitor.collectors.policy_store import PolicyStore, Pool, Queue
from monitor.model.catalog import Catalog, ForeignKey, Index, Relation
from monitor.postgres.request import Reply

Values = Mapping[str, Any]
_COPIED = (
    "key_columns",
    "has_expressions",
    "is_unique",
    "is_primary",
    "is_exclusion",
    "is_valid",
    "is_ready",
    "is_replica_identity",
    "is_clustered",
    "is_partition",
    "nulls_not_distinct",
    "constraint",
    "comment",
    "relpages",
)


class CatalogStore:
    """One database's catalog as far as it has been read."""

    def __init__(self, datname: str) -> None:
        self._datname = datname
        self._relations: dict[int, Relation] = {}
        self._attributes: dict[int, tuple[str, ...]] = {}
        self._indexes: dict[int, Index] = {}
        self._attnums: dict[int, tuple[int, ...]] = {}
        self._structures: dict[int, int] = {}
        self._foreign_key_rows: tuple[object, ...] = ()
        self._foreign_keys: tuple[ForeignKey, ...] = ()
        self._versions: dict[str, dict[int, int]] = {"relations": {}, "indexes": {}}
        self._undefined: Queue = {}
        self._pool = Pool()
        self._policies = PolicyStore(self._pool, self._undefined)
        self._has_changed = True
        self._was_renamed = False

    @property
    def size(self) -> int:
        """Return how many relations and indexes are known."""
        return len(self._relations) + len(self._indexes)

    @property
    def lacking(self) -> int:
        """Return how many definitions are not known yet."""
        return len(self._undefined)

    def versions(self, kind: str) -> Mapping[int, int]:
        """Return the known version of each object, by oid."""
        return self._versions[kind]

    def publish(self, objects: Objects) -> Catalog:
        """Return the catalog, the one published before if nothing changed."""
        if objects.catalog is None or self._has_changed:
            objects.names_version += self._was_renamed
            objects.catalog = Catalog(
                datname=self._datname,
                relations=dict(self._relations),
                indexes=dict(self._indexes),
                foreign_keys=self._foreign_keys,
                policies=self._policies.all,
            )
        self._has_changed = self._was_renamed = False
        return objects.catalog

    def take_relations(self, rows: Iterable[Values]) -> None:
        """Take in tables that are new, changed or gone."""
        renamed: set[int] = set()
        for values in rows:
            oid = values["oid"]
            self._has_changed = True
            if values["schemaname"] is None:
                self._forget_relation(oid)
                continue
            self._versions["relations"][oid] = values["version"]
            before = self._relations.get(oid), self._attributes.get(oid)
            self._attributes[oid] = self._pool.texts(values["attributes"])
            self._relations[oid] = self._relation(values)
            after = self._relations[oid], self._attributes[oid]
            if before[0] is not None and _identity(*before) != _identity(*after):
                renamed.add(oid)
        if renamed:
            self._was_renamed = True
            self._rebuild_indexes(renamed)

    def _forget_relation(self, oid: int) -> None:
        self._relations.pop(oid, None)
        self._attributes.pop(oid, None)
        self._versions["relations"].pop(oid, None)

    def _relation(self, values: Values) -> Relation:
        return Relation(
            oid=values["oid"],
            schemaname=sys.intern(values["schemaname"]),
            relname=values["relname"],
            kind=sys.intern(values["kind"]),
            owner=sys.intern(values["owner"]),
            parent=values["parent"],
            reltuples=values["reltuples"],
            relpages=values["relpages"],
            reloptions=self._pool.texts(values["reloptions"]),
            has_rls=values["has_rls"],
            forces_rls=values["forces_rls"],
            columns=self._pool.share(
                tuple(filter(None, self._attributes[values["oid"]]))
            ),
        )

    def _rebuild_indexes(self, relids: set[int]) -> None:
        """Take over new names of tables and columns; definitions contain them."""
        for oid, index in self._indexes.items():
            if index.relid in relids:
                relation = self._relations[index.relid]
                self._indexes[oid] = replace(
                    index,
                    schemaname=relation.schemaname,
                    relname=relation.relname,
                    owner=relation.owner,
                    columns=self._columns(index.relid, self._attnums[oid]),
                    definition="",
                    expressions="",
                    predicate="",
                )
                self._undefined["index", oid] = None
        self._policies.forget_names(relids)

    def take_indexes(self, rows: Iterable[Values]) -> None:
        """Take in indexes that are new, changed or gone."""
        for values in rows:
            oid = values["oid"]
            if values["relid"] is None:
                self._forget_index(oid)
            elif values["relid"] in self._relations:
                self._take_index(oid, values)
            # Otherwise the table is newer than our list: the index comes again.

    def _forget_index(self, oid: int) -> None:
        self._has_changed = True
        self._indexes.pop(oid, None)
        self._attnums.pop(oid, None)
        self._structures.pop(oid, None)
        self._versions["indexes"].pop(oid, None)
        self._undefined.pop(("index", oid), None)

    def _take_index(self, oid: int, values: Values) -> None:
        self._has_changed = True
        before = self._indexes.get(oid)
        self._versions["indexes"][oid] = values["version"]
        self._attnums[oid] = self._pool.share(tuple(values["attnums"]))
        index = self._index(values)
        if before is not None and self._structures.get(oid) == values["structure"]:
            index = replace(
                index,
                definition=before.definition,
                expressions=before.expressions,
                predicate=before.predicate,
            )
        else:
            self._undefined["index", oid] = None
        if before is not None and before.indexrelname != index.indexrelname:
            self._was_renamed = True
        self._structures[oid] = values["structure"]
        self._indexes[oid] = index

    def _index(self, values: Values) -> Index:
        relation = self._relations[values["relid"]]
        return Index(
            oid=values["oid"],
            relid=relation.oid,
            schemaname=relation.schemaname,
            relname=relation.relname,
            indexrelname=values["indexrelname"],
            owner=relation.owner,
            method=sys.intern(values["method"]),
            columns=self._columns(relation.oid, self._attnums[values["oid"]]),
            opclasses=self._pool.texts(values["opclasses"]),
            collations=self._pool.texts(values["collations"]),
            options=self._pool.share(tuple(values["options"])),
            extension=sys.intern(values["extension"]),
            predicate="",
            expressions="",
            definition="",
            **{name: values[name] for name in _COPIED},
        )

    def _columns(self, relid: int, attnums: tuple[int, ...]) -> tuple[str, ...]:
        """Name an index's columns; an expression (0) or system column is empty."""
        names = self._attributes[relid]
        return self._pool.share(
            tuple(names[n - 1] if 0 < n <= len(names) else "" for n in attnums)
        )

    def take_foreign_keys(self, reply: Reply) -> None:
        """Take in all foreign keys."""
        if reply.rows == self._foreign_key_rows:
            return
        self._has_changed = True
        self._foreign_key_rows = reply.rows
        self._foreign_keys = tuple(
            ForeignKey(
                oid=oid,
                name=name,
                relid=relid,
                columns=self._pool.texts(columns),
                referenced_relid=referenced,
                referenced_columns=self._pool.texts(referenced_columns),
            )
            for oid, name, relid, columns, referenced, referenced_columns in cast(
                "tuple[tuple[Any, ...], ...]", reply.rows
            )
        )

    def take_policies(self, reply: Reply) -> None:
        """Take in all policies; expressions of unchanged ones are kept."""
        self._has_changed |= self._policies.take(reply)

    def next_undefined(self, limit: int) -> tuple[list[int], list[int]]:
        """Return the next indexes and policies without a definition.

        They go to the end of the queue, so that locked ones do not hold it up.
        """
        batch = list(self._undefined)[:limit]
        for key in batch:
            del self._undefined[key]
            self._undefined[key] = None
        indexes = [oid for kind, oid in batch if kind == "index"]
        return indexes, [oid for kind, oid in batch if kind == "policy"]

    def take_definitions(self, rows: Iterable[Values]) -> bool:
        """Take in definitions; say whether there were any."""
        has_any = False
        for values in rows:
            oid, index = values["oid"], self._indexes.get(values["oid"])
            using, check = values["expression"] or "", values["predicate"] or ""
            if values["definition"] is None:
                has_any |= self._policies.define(oid, using, check)
            elif index is not None:
                self._undefined.pop(("index", oid), None)
                self._indexes[oid] = replace(
                    index,
                    definition=values["definition"],
                    expressions=using,
                    predicate=check,
                )
                has_any = True
        self._has_changed |= has_any
        return has_any


def _identity(
    relation: Relation | None, attributes: tuple[str, ...] | None
) -> tuple[object, ...]:
    if relation is None:
        return ()
    return relation.schemaname, relation.relname, relation.owner, attributes
