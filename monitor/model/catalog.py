"""One database's relations, indexes, keys and policies, as the catalog cache has them.

Read every catalog interval, never on the hot path; joined to statistics by oid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table, partitioned table, materialized view or toast table.

    `kind` is pg_class.relkind. `parent` is the oid of the partitioned table it
    is attached to, 0 otherwise. Source: pg_class, pg_namespace, pg_inherits.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    relname: str
    kind: str
    owner: str
    parent: int
    reltuples: float
    relpages: int
    reloptions: tuple[str, ...]
    has_rls: bool
    forces_rls: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index with all that decides whether it may be dropped.

    `columns` holds one name per key or INCLUDE column, empty for an expression;
    `key_columns` says how many are keys. `shape` is equal for two indexes that
    could replace each other (method, keys, opclasses, collations, options,
    expressions, predicate, uniqueness kept apart). `definition` is
    pg_get_indexdef, empty while the table is locked. `comment` carries
    `pgvigil:keep`. Source: pg_index, pg_class, pg_am, pg_constraint.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    relid: int
    schemaname: str
    relname: str
    indexrelname: str
    method: str
    owner: str
    columns: tuple[str, ...]
    key_columns: int
    opclasses: tuple[str, ...]
    collations: tuple[str, ...]
    options: tuple[int, ...]
    has_expressions: bool
    predicate: str
    expressions: str
    is_unique: bool
    is_primary: bool
    is_exclusion: bool
    is_valid: bool
    is_ready: bool
    is_replica_identity: bool
    is_clustered: bool
    is_partition: bool
    nulls_not_distinct: bool
    constraint: str
    extension: str
    definition: str
    comment: str
    relpages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key; `columns` are the referencing side's. Source: pg_constraint."""

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    name: str
    relid: int
    columns: tuple[str, ...]
    referenced_relid: int
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A row level security policy; expressions are None while the table is locked.

    `command` is pg_policy.polcmd (`r`, `a`, `w`, `d`, `*`). Source: pg_policy.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    name: str
    relid: int
    command: str
    is_permissive: bool
    roles: tuple[str, ...]
    using: str | None
    check: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The catalog of one database."""

    datname: str
    relations: Mapping[int, Relation] = field(default_factory=dict[int, Relation])
    indexes: Mapping[int, Index] = field(default_factory=dict[int, Index])
    foreign_keys: tuple[ForeignKey, ...] = ()
    policies: tuple[Policy, ...] = ()
    _by_table: Mapping[int, tuple[Index, ...]] = field(init=False, repr=False)
    _keys_by_table: Mapping[int, tuple[ForeignKey, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grouped: dict[int, list[Index]] = {}
        for index in self.indexes.values():
            grouped.setdefault(index.relid, []).append(index)
        by_table = {relid: tuple(found) for relid, found in grouped.items()}
        object.__setattr__(self, "_by_table", by_table)
        keys: dict[int, list[ForeignKey]] = {}
        for key in self.foreign_keys:
            keys.setdefault(key.relid, []).append(key)
        keys_by_table = {relid: tuple(found) for relid, found in keys.items()}
        object.__setattr__(self, "_keys_by_table", keys_by_table)

    def indexes_of(self, relid: int) -> tuple[Index, ...]:
        """Return the indexes of one table, in catalog order."""
        return self._by_table.get(relid, ())

    def foreign_keys_of(self, relid: int) -> tuple[ForeignKey, ...]:
        """Return the foreign keys that one table declares, in catalog order."""
        return self._keys_by_table.get(relid, ())
