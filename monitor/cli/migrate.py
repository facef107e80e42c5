"""Commands that move a database's schema from version to version.

They serve more than one group: the set of migrations is the group's context object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click

from monitor.cli.context import Source, settings_options, target_option
from monitor.cli.output import emit_json, emit_line, emit_table, output_option
from monitor.cli.schema import with_session
from monitor.model.migration import Migration
from monitor.model.shape import plain_fields
from monitor.postgres.migrate import Migrator
from monitor.postgres.migration_files import SETS, create_pair, shipped
from monitor.postgres.session import Session

T = TypeVar("T")

SET = "monitoring"


@click.group()
@click.pass_context
def migrate(context: click.Context) -> None:
    """Plan, apply and take back migrations of schema monitoring."""
    context.obj = SET


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command migrates: settings, and which of their targets."""

    source: Source
    target_name: str | None

    def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run work on a session that may write there."""
        settings = self.source.read_and_log()
        return asyncio.run(with_session(settings, self.target_name, work))


def placed(command: Callable[..., T]) -> Callable[..., T]:
    """Add the options that say where to migrate; the command gets `place`."""

    @wraps(command)
    def with_place(source: Source, target_name: str | None, **others: object) -> T:
        return command(place=Place(source, target_name), **others)

    return settings_options(target_option(output_option(with_place)))


def _run(place: Place, work: Callable[[Migrator], Awaitable[T]]) -> T:
    migration_set = _migration_set()
    return place.run(lambda session: work(Migrator(session, migration_set)))


def _migration_set() -> str:
    return click.get_current_context().find_object(str) or SET


@migrate.command()
@placed
@click.option("--to", help="Up to this version instead of the newest.")
@click.option("--rehearse", is_flag=True, help="Run it and roll it back.")
def plan(output: str, to: str | None, *, rehearse: bool, place: Place) -> None:
    """Show what `up` would run; changes nothing."""

    async def work(migrator: Migrator) -> tuple[Migration, ...]:
        if rehearse:
            return await migrator.rehearse(to)
        return (await migrator.plan(to)).steps

    emit_files(_run(place, work), output, "would run")


@migrate.command()
@placed
@click.option("--to", help="Up to this version instead of the newest.")
def up(output: str, to: str | None, place: Place) -> None:
    """Apply what is pending."""
    emit_files(_run(place, lambda migrator: migrator.up(to)), output, "applied")


@migrate.command()
@placed
@click.option("--to", help='All after this version; "none" for all. Default: the last.')
@click.option("--confirm", is_flag=True, help="Having seen what would be lost.")
@click.option("--allow-cascade", is_flag=True, help="Files with CASCADE, too.")
def down(
    output: str,
    to: str | None,
    *,
    confirm: bool,
    allow_cascade: bool,
    place: Place,
) -> None:
    """Take migrations back, after showing what would be lost."""

    async def work(migrator: Migrator) -> tuple[Migration, ...]:
        return await migrator.down(to, confirm=confirm, allow_cascade=allow_cascade)

    emit_files(_run(place, work), output, "taken back")


@migrate.command()
@placed
def status(output: str, place: Place) -> None:
    """Show every version and its condition."""
    found = _run(place, Migrator.status)
    if output == "json":
        emit_json({"migrations": [plain_fields(one) for one in found]})
        return
    emit_table(
        ("version", "name", "condition", "applied at", "by", "note"),
        (
            (o.version, o.name, o.condition, o.applied_at, o.applied_by, o.note)
            for o in found
        ),
    )


@migrate.command()
@placed
@click.argument("version")
def baseline(output: str, version: str, place: Place) -> None:
    """Record versions up to one as applied, for a database that has them already."""
    found = _run(place, lambda migrator: migrator.baseline(version))
    emit_files(found, output, "recorded")


@migrate.command()
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the migrations. Default: the shipped ones.",
)
def new(name: str, directory: Path | None) -> None:
    """Write the pair of files that a new migration starts from."""
    line = SETS[_migration_set()]
    today = datetime.now(UTC).date()
    folder = directory or shipped(line.name)
    for path in create_pair(folder, name, today, retired=line.retired):
        emit_line(str(path))


def emit_files(migrations: Iterable[Migration], output: str, verb: str) -> None:
    """Print the names of migrations, and what was done with them."""
    files = [migration.file for migration in migrations]
    if output == "json":
        emit_json({"migrations": files})
        return
    for file in files:
        emit_line(f"{verb}: {file}")
    if not files:
        emit_line("nothing to do")
