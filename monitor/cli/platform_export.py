"""Commands that hand out what the platform holds, such as all of an organization."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import click

from monitor import __version__
from monitor.cli.export_directory import ExportDirectory, WrittenFile
from monitor.cli.migrate import Place, placed
from monitor.cli.output import emit_json, emit_line, emit_table
from monitor.postgres.organization_export import (
    Snapshot,
    Subject,
    export_organization,
    log_export,
)
from monitor.postgres.partition_export import Detached, export_partition, noted
from monitor.postgres.session import Session

FORMAT_VERSION = 1
MOST_DAYS = 36_500

_EVERY_SECONDS = 0.2


class ConversationDays(click.ParamType[int | None]):
    """A number of days, or `all`, which is None."""

    name = "days|all"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """Return the number of days, None for all."""
        if value == "all":
            return None
        text = str(value)
        if not text.isdecimal() or int(text) > MOST_DAYS:
            self.fail(f'"{text}" is neither "all" nor 0 to {MOST_DAYS}', param, ctx)
        return int(text)


class TerminalProgress:
    """Shows one line on a terminal, and nothing elsewhere."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, name: str, rows: int, size_bytes: int) -> None:
        """Show how far a section has got, a few times a second."""
        if not self._is_shown or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_SECONDS
        shown = f"{name}: {rows:,} rows, {size_bytes / 1e6:,.0f} MB"
        sys.stderr.write(f"\r\x1b[K{shown}")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave an empty line for what follows."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@click.group()
def export() -> None:
    """Hand out what the platform holds."""


@export.command()
@placed
@click.argument("organization", type=click.UUID)
@click.option(
    "--directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A new or empty folder.",
)
@click.option(
    "--conversation-days",
    type=ConversationDays(),
    default="90",
    show_default=True,
    help='Conversations begun in these last days, or "all".',
)
@click.option("--gzip", "zipped", is_flag=True, help="Compress the files.")
def org(
    output: str,
    organization: UUID,
    directory: Path,
    conversation_days: int | None,
    *,
    zipped: bool,
    place: Place,
) -> None:
    """Write all of one organization to a folder, of any size.

    One file of JSON lines for each section, from one snapshot, and manifest.json
    with their counts and checksums, which is there only if all the rest is.
    """
    subject = Subject(organization_id=organization, conversation_days=conversation_days)
    progress = TerminalProgress()
    folder = ExportDirectory(directory, progress, zipped=zipped)
    try:
        manifest = place.run(lambda session: _export(session, subject, folder))
    finally:
        progress.end()
    if output == "json":
        emit_json(manifest)
        return
    emit_line(f"organization {organization} is in {directory}")
    emit_table(
        ("section", "rows", "bytes", "file"),
        [(file.name, file.rows, file.size_bytes, file.file) for file in folder.written],
    )


async def _export(
    session: Session, subject: Subject, folder: ExportDirectory
) -> dict[str, object]:
    with folder.claimed():
        snapshot = await export_organization(session, subject, folder.section)
        manifest = describe(subject, snapshot, folder.written)
        counts = {file.name: file.rows for file in folder.written}
        # First, so that no export is handed out that is not in the log.
        await log_export(session, subject, "organization_exported", {"rows": counts})
        folder.publish(manifest)
    return manifest


def describe(
    subject: Subject, snapshot: Snapshot, files: Sequence[WrittenFile]
) -> dict[str, object]:
    """Return the manifest: what the export holds, where it is from, as of when."""
    return {
        "format_version": FORMAT_VERSION,
        "written_by": f"pgvigil {__version__}",
        "organization_id": str(subject.organization_id),
        "organization_name": snapshot.organization_name,
        "conversation_days": subject.conversation_days,
        "snapshot_at": snapshot.snapshot_at.isoformat(),
        "datname": snapshot.datname,
        "server_version": snapshot.server_version,
        "schema_version": snapshot.schema_version,
        "sections": [asdict(file) for file in files],
    }


@export.command()
@placed
@click.argument("table", metavar="SCHEMA.TABLE")
@click.option(
    "--directory",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A new or empty folder.",
)
@click.option("--gzip", "zipped", is_flag=True, help="Compress the file.")
def partition(
    output: str, table: str, directory: Path, *, zipped: bool, place: Place
) -> None:
    """Write a detached month, a table of schema app_partitions, to a folder.

    One file of JSON lines from one snapshot, and manifest.json with count and
    checksum. That it was exported is noted in monitoring.operations_log, where
    drop_partition looks for it if require_export is set.
    """
    progress = TerminalProgress()
    folder = ExportDirectory(directory, progress, zipped=zipped)
    try:
        manifest = place.run(lambda session: _export_month(session, table, folder))
    finally:
        progress.end()
    if output == "json":
        emit_json(manifest)
        return
    rows = sum(file.rows for file in folder.written)
    emit_line(f"{rows} row(s) of {table} are in {directory}")


async def _export_month(
    session: Session, table: str, folder: ExportDirectory
) -> dict[str, object]:
    with folder.claimed():
        found = await export_partition(session, table, folder.section)
        (file,) = folder.written
        manifest = describe_month(table, found, file)
        details = {"table": table, "oid": found.oid, "rows": file.rows}
        async with noted(session, {**details, "sha256": file.sha256}):
            folder.publish(manifest)
    return manifest


def describe_month(table: str, found: Detached, file: WrittenFile) -> dict[str, object]:
    """Return the manifest: which table was exported from where, as of when."""
    return {
        "format_version": FORMAT_VERSION,
        "written_by": f"pgvigil {__version__}",
        "table": table,
        "oid": found.oid,
        "snapshot_at": found.snapshot_at.isoformat(),
        "datname": found.datname,
        "server_version": found.server_version,
        "sections": [asdict(file)],
    }
