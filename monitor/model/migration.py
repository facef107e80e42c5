"""Migrations as values: the files of a set, and the records of what was applied.

Versions are three digits, applied in order, and immutable once applied. What to do
with them is decided in `model.migration_plan`. Records with a timestamp for a version
were made by SQL, public.apply_migration(), and have no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from monitor.errors import MigrationError
from monitor.model import script

Kind = Literal["transactional", "concurrent", "baseline"]
"""How a version was applied; baseline: adopted, its file was not run."""

_FILE = re.compile(r"(?P<version>\d{3})_(?P<name>[a-z0-9_]+?)(?P<down>\.down)?\.sql")
_NO_TRANSACTION = "no-transaction"
_OPTIONAL = "optional"
_TIMESTAMP_DIGITS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationSet:
    """A line of migrations: its folder's name and the schema that records it.

    `retired` versions have no file on purpose.
    """

    name: str
    schema: str
    retired: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A version as its files have it; `down_sql` is None where there is no way back."""

    version: str
    name: str
    sql: str
    down_sql: str | None

    @property
    def file(self) -> str:
        """Return the name of the file that applies it."""
        return f"{self.version}_{self.name}.sql"

    @property
    def down_file(self) -> str:
        """Return the name of the file that takes it back."""
        return f"{self.version}_{self.name}.down.sql"

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the normalised file."""
        return script.checksum(self.sql)

    @property
    def is_transactional(self) -> bool:
        """Say whether the file runs in one transaction."""
        return not script.has_directive(self.sql, _NO_TRANSACTION)

    @property
    def is_optional(self) -> bool:
        """Say whether the file makes what another product may bring along.

        Recorded as baseline, it is that product's and is never taken back.
        """
        return script.has_directive(self.sql, _OPTIONAL)

    @property
    def down_is_transactional(self) -> bool:
        """Say whether the way back runs in one transaction."""
        return not script.has_directive(self.down_sql or "", _NO_TRANSACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A row of schema_migrations. `duration_ms` is None while it is not finished."""

    version: str
    name: str
    applied_at: datetime
    rollback_sql: str | None
    checksum: str | None
    applied_by: str
    duration_ms: int | None
    kind: Kind
    server_version: int

    @property
    def is_dirty(self) -> bool:
        """Say whether a non-transactional file was interrupted."""
        return self.duration_ms is None

    @property
    def is_by_sql(self) -> bool:
        """Say whether public.apply_migration() ran it: there is no file."""
        return len(self.version) == _TIMESTAMP_DIGITS


def read(folder: str, files: Mapping[str, str]) -> tuple[Migration, ...]:
    """Return the migrations of a folder from its files' names and texts.

    Raises:
        MigrationError: a name, a pair or a number does not fit; it is named.
    """
    up: dict[str, tuple[str, str]] = {}
    down: dict[str, tuple[str, str]] = {}
    for file, text in sorted(files.items()):
        match = _FILE.fullmatch(file)
        if match is None:
            raise MigrationError(
                f'cannot use migration file "{folder}/{file}"',
                hint="Name it NNN_words.sql or NNN_words.down.sql; three digits.",
            )
        part = down if match["down"] else up
        if match["version"] in part:
            raise MigrationError(f'version of "{folder}/{file}" is used twice')
        part[match["version"]] = (match["name"], text)
    for version, (name, _) in down.items():
        if up.get(version, ("", ""))[0] != name:
            raise MigrationError(
                f'migration file "{folder}/{version}_{name}.down.sql" has no partner'
            )
    return tuple(
        _checked(
            folder,
            Migration(
                version=version,
                name=name,
                sql=text,
                down_sql=down[version][1] if version in down else None,
            ),
        )
        for version, (name, text) in up.items()
    )


def _checked(folder: str, migration: Migration) -> Migration:
    pairs = (
        (migration.file, migration.sql),
        (migration.down_file, migration.down_sql or ""),
    )
    for file, text in pairs:
        if script.controls_transaction(text):
            raise MigrationError(
                f'migration file "{folder}/{file}" controls its own transaction',
                hint="Leave begin and commit to the runner.",
            )
    return migration


def template(version: str, name: str, today: date) -> Migration:
    """Return the pair of files that a new migration starts from."""
    head = f"-- Migration: {version}_{name}\n-- Date: {today.isoformat()}\n"
    return Migration(
        version=version,
        name=name,
        sql=f"{head}-- Description: what it changes and why.\n",
        down_sql=f"{head}-- Description: takes {version}_{name}.sql back.\n",
    )
