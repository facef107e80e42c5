"""The folders that migrations and views come from."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from monitor import resources
from monitor.errors import MigrationError
from monitor.model import migration, repeatable
from monitor.model.migration import Migration, MigrationSet
from monitor.model.repeatable import Repeatable, Scope

SETS = {
    "monitoring": MigrationSet(name="monitoring", schema="monitoring"),
    "platform": MigrationSet(
        name="platform", schema="public", retired=frozenset({"007"})
    ),
}
_NO_WORDS = re.compile(r"[^a-z0-9]+")


def shipped(name: str) -> Path:
    """Return the folder of a set that comes with pgvigil."""
    return resources.directory("sql") / "migrations" / name


def load(folder: Path) -> tuple[Migration, ...]:
    """Return the migrations of a folder.

    Raises:
        MigrationError: a file's name, pair or number does not fit.
    """
    return migration.read(folder.name, _texts(folder))


def load_views(*, major: int, scope: Scope) -> tuple[Repeatable, ...]:
    """Return the views and functions that every server gets, in order of creation."""
    found = load_all_views(major=major, scope=scope)
    return tuple(view for view in found if not view.is_optional)


def load_all_views(*, major: int, scope: Scope) -> tuple[Repeatable, ...]:
    """Return all shipped views and functions, optional ones among them."""
    folder = resources.directory("sql") / "views"
    return repeatable.read(_texts(folder), major=major, scope=scope)


def create_pair(
    folder: Path,
    name: str,
    today: date,
    *,
    retired: frozenset[str] = frozenset(),
) -> tuple[Path, Path]:
    """Write the pair of files a new migration starts from; return their paths.

    Its number is the next one, unless that is retired.

    Raises:
        MigrationError: the folder's files do not fit, or the name has no letters.
    """
    existing = load(folder)
    number = int(existing[-1].version) + 1 if existing else 1
    while f"{number:03}" in retired:
        number += 1
    words = _NO_WORDS.sub("_", name.lower()).strip("_")
    if not words:
        raise MigrationError(f'cannot name a migration "{name}"')
    pair = migration.template(f"{number:03}", words, today)
    up, down = folder / pair.file, folder / pair.down_file
    up.write_text(pair.sql, "utf-8")
    down.write_text(pair.down_sql or "", "utf-8")
    return up, down


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.sql")}
