"""What a migration run would do, decided from files and records alone.

Whatever does not fit (a changed file, a gap, a file older than what is applied) is
an error that names the file: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from monitor.errors import MigrationError
from monitor.model import script
from monitor.model.migration import Applied, Kind, Migration, MigrationSet

Condition = Literal["applied", "pending", "dirty", "changed", "missing"]

NOTHING = "none"
"""The version before the first: where `down` takes everything back to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `up` would do, in order; `repairs` was interrupted and comes first."""

    repairs: Migration | None
    pending: tuple[Migration, ...]

    @property
    def steps(self) -> tuple[Migration, ...]:
        """Return all files that would run."""
        return (*((self.repairs,) if self.repairs else ()), *self.pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """One line of `migrate status`; `note` says what to do where something is off."""

    version: str
    name: str
    condition: Condition
    applied_at: datetime | None = None
    applied_by: str = ""
    kind: Kind | None = None
    note: str = ""


def plan(
    line: MigrationSet,
    migrations: Sequence[Migration],
    applied: Iterable[Applied],
    *,
    to: str | None = None,
) -> Plan:
    """Return what is to be run to reach version `to`, the newest when None.

    Raises:
        MigrationError: files and records do not fit together.
    """
    records = {row.version: row for row in applied if not row.is_by_sql}
    _check_numbers(line, migrations)
    _check_records(line, migrations, records)
    wanted = [m for m in migrations if to is None or m.version <= to]
    if to is not None and to not in {m.version for m in migrations}:
        raise MigrationError(f'there is no migration "{to}" in set "{line.name}"')
    dirty = [m for m in wanted if m.version in records and records[m.version].is_dirty]
    pending = tuple(m for m in wanted if m.version not in records)
    newest = max(records, default="")
    for migration in pending:
        if migration.version < newest:
            raise MigrationError(
                f'migration "{migration.file}" is older than applied "{newest}"',
                hint="Give it the next free number.",
            )
    return Plan(repairs=dirty[0] if dirty else None, pending=pending)


def _check_numbers(line: MigrationSet, migrations: Sequence[Migration]) -> None:
    expected = [
        version
        for number in range(
            int(migrations[0].version) if migrations else 0,
            int(migrations[-1].version) + 1 if migrations else 0,
        )
        if (version := f"{number:03}") not in line.retired
    ]
    present = {m.version for m in migrations}
    if absent := [version for version in expected if version not in present]:
        raise MigrationError(
            f'migration set "{line.name}" has no file for version "{absent[0]}"'
        )


def _check_records(
    line: MigrationSet,
    migrations: Sequence[Migration],
    records: Mapping[str, Applied],
) -> None:
    files = {m.version: m for m in migrations}
    for version, row in sorted(records.items()):
        if version not in files:
            raise MigrationError(
                f'applied migration "{version}_{row.name}" of set "{line.name}" '
                "has no file",
                hint="A newer pgvigil applied it; use that one.",
            )
        if _is_changed(files[version], row):
            raise MigrationError(
                f'migration file "{files[version].file}" was changed after it '
                "was applied",
                detail=f"Applied {row.checksum}, now {files[version].checksum}.",
                hint="Restore the file and put the change into a new migration.",
            )


def _is_changed(migration: Migration, row: Applied) -> bool:
    # An interrupted file may be mended: it never was applied as a whole.
    return not row.is_dirty and row.checksum != migration.checksum


def status(
    migrations: Iterable[Migration], applied: Iterable[Applied]
) -> tuple[VersionStatus, ...]:
    """Return every version that has a file or a record, with its condition."""
    files = {m.version: m for m in migrations}
    records = {row.version: row for row in applied}
    return tuple(
        _status(version, files.get(version), records.get(version))
        for version in sorted({*files, *records})
    )


def _status(
    version: str, migration: Migration | None, row: Applied | None
) -> VersionStatus:
    name = migration.name if migration else row.name if row else ""
    if row is None:
        return VersionStatus(version=version, name=name, condition="pending")
    condition: Condition = "applied"
    note = ""
    if row.is_dirty:
        condition, note = "dirty", "interrupted; run it again"
    elif row.is_by_sql:
        note = "applied by SQL, has no file"
    elif migration is None:
        condition, note = "missing", "applied, but its file is not here"
    elif _is_changed(migration, row):
        condition, note = "changed", "its file was changed after it was applied"
    return VersionStatus(
        version=version,
        name=name,
        condition=condition,
        applied_at=row.applied_at,
        applied_by=row.applied_by,
        kind=row.kind,
        note=note,
    )


def plan_down(
    migrations: Iterable[Migration],
    applied: Iterable[Applied],
    *,
    to: str | None = None,
    allow_cascade: bool = False,
) -> tuple[Migration, ...]:
    """Return what is to be taken back, newest first: the last, or all after `to`.

    `to` may be `NOTHING`. The way back of an optional version that was adopted is
    empty: only its record goes.

    Raises:
        MigrationError: a way back is missing, changed, or drops too much.
    """
    rows = tuple(applied)
    records = {row.version: row for row in rows if not row.is_by_sql}
    versions = sorted(records, reverse=True)
    if not versions:
        raise MigrationError("no migration is applied")
    if to not in {*records, NOTHING, None}:
        raise MigrationError(f'migration "{to}" is not applied')
    chosen = [v for v in versions if to == NOTHING or to is None or v > to]
    if to is None:
        chosen = chosen[:1]
    _check_later(rows, [records[version] for version in chosen])
    files = {m.version: m for m in migrations}
    for version in chosen:
        _check_down(files.get(version), records[version], allow_cascade=allow_cascade)
    return tuple(_way_back(files[version], records[version]) for version in chosen)


def _check_later(rows: Iterable[Applied], chosen: Sequence[Applied]) -> None:
    later = [
        row.version
        for row in rows
        if row.is_by_sql and any(row.applied_at >= c.applied_at for c in chosen)
    ]
    if later:
        raise MigrationError(
            f"migration {max(later)} was applied later, by SQL",
            detail="It may rest on what would be taken back.",
            hint=f"Run select public.rollback_migration('{max(later)}') first.",
        )


def _way_back(migration: Migration, row: Applied) -> Migration:
    is_adopted = migration.is_optional and row.kind == "baseline"
    return replace(migration, down_sql="") if is_adopted else migration


def _check_down(
    migration: Migration | None, row: Applied, *, allow_cascade: bool
) -> None:
    if migration is None or migration.down_sql is None:
        raise MigrationError(
            f"no rollback script available for migration {row.version}",
            hint="Write a new migration that mends what this one did.",
        )
    stored = script.normalise(row.rollback_sql or "")
    if stored != script.normalise(migration.down_sql):
        raise MigrationError(
            f'migration file "{migration.down_file}" was changed after it was applied',
            hint="Restore the file; the stored copy is only compared, never run.",
        )
    if script.has_cascade(migration.down_sql) and not allow_cascade:
        raise MigrationError(
            f'migration file "{migration.down_file}" says CASCADE',
            hint="It may drop what it does not name; allow it explicitly.",
        )
