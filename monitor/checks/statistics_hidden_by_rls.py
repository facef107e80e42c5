"""Row level security hides planner statistics from the monitor.

## Meaning

pg_stats shows nothing of a table whose policies bind the role that looks, and ours is
bound. What rests on these statistics is withheld for such tables: their bloat is
unknown, not 0.

## If ignored

Exactly the tables that matter most are never judged.

## How to look

    select c.oid::regclass
    from pg_catalog.pg_class as c
    where c.relrowsecurity and pg_catalog.row_security_active(c.oid);

## How to fix

Run `pgvigil install --planner-stats` as a superuser, with `--all-databases` for
databases beside the control one. It makes `monitoring.planner_stats()`, which shows
shares, widths and counts of columns and no value of the data, and lets pgvigil_reader
call it. Or run `alter role pgvigil_reader bypassrls` if that role may read every row.

## How to silence

Mute the finding, or set `thresholds.statistics_hidden_by_rls.enabled` to false.

## Thresholds

`min_tables`: one hidden table is one that nobody judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.catalog import Catalog
from monitor.model.finding import Evidence, Finding, ObjectRef, Severity
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.threshold import Parameters
from monitor.model.units import plural
from monitor.model.view import View
from monitor.rls.hidden import hidden_statistics

SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog, RoleAttributesRow, SizeRow)

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How many hidden tables are worth a word."""

    min_tables: float = 1


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per database with tables that nobody can judge."""
    for datname in view.catalogs:
        hidden = hidden_statistics(view, datname)
        if not hidden or len(hidden) < thresholds.min_tables:
            continue
        names = [qualified(each.schemaname, each.relname) for each in hidden[:_NAMED]]
        more = f" and {len(hidden) - _NAMED} more" if len(hidden) > _NAMED else ""
        yield Finding(
            severity=Severity.INFO,
            database=datname,
            object=ObjectRef("database", name=datname),
            summary=(
                f"planner statistics of {plural(len(hidden), 'table')} of database "
                f"{quote_ident(datname)} are hidden from role "
                f"{quote_ident(view.server.role)} by row level security"
            ),
            evidence=(
                Evidence("hidden", len(hidden), "tables"),
                Evidence("cure", "pgvigil install --planner-stats"),
            ),
            unknowns=(f"The bloat of {', '.join(names)}{more}.",),
        )
