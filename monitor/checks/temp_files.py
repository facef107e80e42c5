"""Statements write much data to temporary files.

## Meaning

The rate at which sorts, hashes and materialised results that do not fit into
`work_mem` were written to disk, per database, over the check interval.

## If ignored

These statements run many times slower than in memory, compete for the disk with
everything else, and a single one can fill it.

## How to look

    select datname, temp_files, temp_bytes
    from pg_catalog.pg_stat_database
    where temp_bytes > 0
    order by temp_bytes desc;

## How to fix

Find the statements (`temp_blks_written` of pg_stat_statements). An index in the
right order or a narrower select saves the sort. Raise `work_mem` for the role
that needs it rather than for all: each sort of each session may take that much.
`temp_file_limit` protects the disk.

## How to silence

Raise `thresholds.temp_files.warning`, or mute the finding.

## Thresholds

10 MB/s, which is 3 GB in five minutes: less is a report now and then. It is never
critical by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import quote_ident
from monitor.model.rows.stat_database import DatabaseRow
from monitor.model.threshold import Parameters
from monitor.model.units import size
from monitor.model.view import View

UNIT = "bytes per second"
NEEDS_RATES = (DatabaseRow,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Bytes written to temporary files in a second."""

    warning: float = 10 * 1024 * 1024


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per database that spills much."""
    delta = view.recent(DatabaseRow)
    if delta is None:
        return
    window = timedelta(seconds=delta.seconds)
    for row in delta.rows:
        rate = row.temp_bytes_total / delta.seconds
        if rate < thresholds.warning or not row.temp_bytes_total:
            continue
        yield Finding(
            severity=Severity.WARNING,
            database=row.datname,
            object=ObjectRef("database", name=row.datname),
            summary=(
                f"statements of database {quote_ident(row.datname)} write "
                f"{size(rate)} a second to temporary files"
            ),
            evidence=(
                Evidence("written", row.temp_bytes_total, "bytes", window),
                Evidence("temporary files", row.temp_files_total, "files", window),
                Evidence("mean file size", _mean(row), "bytes", window),
            ),
            remedy=_remedy(view),
            value=rate,
        )


def _mean(row: DatabaseRow) -> int:
    return row.temp_bytes_total // max(row.temp_files_total, 1)


def _remedy(view: View) -> Remedy:
    extension = view.server.extensions.get("pg_stat_statements")
    if extension is None:
        return Remedy(
            sql="select name, setting, unit\nfrom pg_catalog.pg_settings\n"
            "where name in ('work_mem', 'hash_mem_multiplier', 'log_temp_files');",
            risk="Reads only; log_temp_files names the statements in the log.",
        )
    return Remedy(
        sql=(
            "select queryid, calls, temp_blks_written, query\n"
            f"from {quote_ident(extension.schema)}.pg_stat_statements\n"
            "order by temp_blks_written desc\nlimit 10;"
        ),
        risk="Reads only; shows which statements spill.",
    )
