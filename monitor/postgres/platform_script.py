"""The platform's installation as one script, to be read and run with psql."""

from __future__ import annotations

from monitor.model.migration import Kind, Migration
from monitor.postgres import bookkeeping
from monitor.postgres import install as installation
from monitor.postgres.bookkeeping import API_ROLES
from monitor.postgres.migration_files import load, shipped
from monitor.postgres.platform import AUTH, SET
from monitor.postgres.script_record import record_text

_SCHEMA = "public"
_PATH = "search_path = pg_catalog, pg_temp;"


def print_sql(major: int, *, with_auth_shim: bool) -> str:
    """Return what `install` runs on a database with neither schema nor platform.

    For psql with ON_ERROR_STOP; afterwards `install` finds nothing to do. `major` is
    the server's.
    """
    shim, *others = load(shipped(SET))
    return "\n".join(
        [
            f"-- The platform of pgvigil, for PostgreSQL {major}.",
            "-- It will belong to the role that runs this.",
            r"\set ON_ERROR_STOP on",
            installation.print_sql(major),
            _first(shim, with_auth_shim=with_auth_shim),
            *(_recorded(migration) for migration in others),
        ]
    )


def _first(shim: Migration, *, with_auth_shim: bool) -> str:
    """Return the shim or nothing, and the table that records versions.

    In this order, because that table is closed to roles that the shim makes.
    """
    kind: Kind = "transactional" if with_auth_shim else "baseline"
    return _whole(
        shim.sql if with_auth_shim else f"-- {AUTH} is not run: there is an auth.",
        bookkeeping.definition(_SCHEMA, API_ROLES).as_string(),
        record_text(_SCHEMA, shim, kind=kind),
    )


def _recorded(migration: Migration) -> str:
    if migration.is_transactional:
        record = record_text(_SCHEMA, migration, kind="transactional")
        return _whole(migration.sql, record)
    record = record_text(_SCHEMA, migration, kind="concurrent")
    return "\n".join([f"set {_PATH}", migration.sql, record, "reset search_path;"])


def _whole(*parts: str) -> str:
    return "\n".join(["begin;", f"set local {_PATH}", *parts, "commit;", ""])
