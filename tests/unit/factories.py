"""Complete values with defaults, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime, timedelta
from types import ModuleType, NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from monitor.model.catalog import Catalog, ForeignKey, Index, Policy, Relation
from monitor.model.delta import Delta
from monitor.model.finding import Finding
from monitor.model.rows.settings import SettingsRow
from monitor.model.server import Server
from monitor.model.snapshot import R, Reading
from monitor.model.target import Target
from monitor.model.view import View
from monitor.sqltext.tree import parse

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make(kind: type[T], /, **changes: object) -> T:
    """Return an instance whose other fields are zero, empty or None by their type."""
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(cast("Any", kind)) if f.init}
    assert changes.keys() <= known.keys(), f"no such field: {changes.keys() - known}"
    values = {
        name: _zero(hints[name])
        for name, each in known.items()
        if each.default is MISSING and each.default_factory is MISSING
    }
    return kind(**(values | changes))


def _zero(hint: Any) -> object:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) and NoneType in arguments:
        return None
    if origin is tuple:
        return ()
    if hint is datetime:
        return NOW
    if isinstance(hint, type):
        return hint()
    return arguments[0]  # a Literal


@dataclass(frozen=True)
class Part:
    """Rows of one kind in one database, as reading or as delta."""

    kind: type[Any]
    datname: str
    rows: tuple[Any, ...]
    seconds: float | None = None


def current(kind: type[R], *rows: R, datname: str = "") -> Part:
    """Return the rows of a last reading."""
    return Part(kind, datname, rows)


def lately(kind: type[R], *rows: R, datname: str = "", seconds: float = 300.0) -> Part:
    """Return the rows of a delta over the check interval."""
    return Part(kind, datname, rows, seconds)


def view(*parts: Part, catalogs: Iterable[Catalog] = (), **changes: Any) -> View:
    """Return a view of a server of which exactly these parts have been read."""
    defaults: dict[str, Any] = {
        "target": Target(name="orders"),
        "server": make_server(),
        "now": NOW,
    }
    return View(
        readings={
            (p.kind, p.datname): reading(p.rows, datname=p.datname)
            for p in parts
            if p.seconds is None
        },
        lately={
            (p.kind, p.datname): Delta(
                collector="test", datname=p.datname, seconds=p.seconds, rows=p.rows
            )
            for p in parts
            if p.seconds is not None
        },
        catalogs={c.datname: c for c in catalogs},
        **(defaults | changes),
    )


def reading(rows: Iterable[R], *, datname: str = "", **changes: Any) -> Reading[R]:
    """Return a reading at second 0 of one epoch."""
    values: dict[str, Any] = {"collector": "test", "monotonic": 0.0, "epoch": "1"}
    return Reading(datname=datname, rows=tuple(rows), **(values | changes))


def make_server(**changes: object) -> Server:
    """Return a primary of version 18 that has been up for a day."""
    defaults: dict[str, object] = {
        "version_num": 180001,
        "version": "18.1",
        "role": "pgvigil_reader",
        "database": "app",
        "started_at": NOW - timedelta(days=1),
        "databases": ("app",),
        "extensions": {},
    }
    return make(Server, **(defaults | changes))


def make_settings(**changes: object) -> SettingsRow:
    """Return PostgreSQL's default settings."""
    defaults: dict[str, object] = {
        "max_connections": 100,
        "reserved_connections": 3,
        "autovacuum_enabled": True,
        "autovacuum_max_workers": 3,
        "autovacuum_vacuum_threshold": 50,
        "autovacuum_vacuum_scale_factor": 0.2,
        "autovacuum_analyze_threshold": 50,
        "autovacuum_analyze_scale_factor": 0.1,
        "autovacuum_freeze_max_age": 200_000_000,
        "autovacuum_multixact_freeze_max_age": 400_000_000,
        "block_size_bytes": 8192,
    }
    return make(SettingsRow, **(defaults | changes))


def make_catalog(
    *relations: Relation,
    indexes: Iterable[Index] = (),
    foreign_keys: Iterable[ForeignKey] = (),
    policies: Iterable[Policy] = (),
    datname: str = "app",
) -> Catalog:
    """Return the catalog of one database."""
    return Catalog(
        datname=datname,
        relations={relation.oid: relation for relation in relations},
        indexes={index.oid: index for index in indexes},
        foreign_keys=tuple(foreign_keys),
        policies=tuple(policies),
    )


def make_table(**changes: object) -> Relation:
    """Return an ordinary table of schema public: number 1, `orders`."""
    defaults: dict[str, object] = {
        "oid": 1,
        "schemaname": "public",
        "relname": "orders",
        "kind": "r",
        "owner": "app_owner",
    }
    return make(Relation, **(defaults | changes))


def make_index(**changes: object) -> Index:
    """Return a plain, valid btree index of table 1: number 2, `orders_idx`."""
    name = changes.get("indexrelname", "orders_idx")
    defaults: dict[str, object] = {
        "oid": 2,
        "relid": 1,
        "schemaname": "public",
        "relname": "orders",
        "indexrelname": name,
        "method": "btree",
        "columns": ("customer_id",),
        "key_columns": 1,
        "is_valid": True,
        "is_ready": True,
        "definition": f"CREATE INDEX {name} ON public.orders USING btree (customer_id)",
    }
    return make(Index, **(defaults | changes))


def run(module: ModuleType, seen: View, **thresholds: object) -> list[Finding]:
    """Return what a check finds; every remedy must be SQL that parses."""
    found: list[Finding] = list(module.check(seen, module.Thresholds(**thresholds)))
    for finding in found:
        remedy = finding.remedy
        for sql in (remedy.sql, remedy.undo) if remedy else ():
            assert not sql or parse(sql) is not None, sql
    return found
