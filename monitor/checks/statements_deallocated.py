"""pg_stat_statements forgets statements because it is full.

## Meaning

How often, in the check interval, the extension threw out the least used five
percent of its entries to make room for new ones.

## If ignored

What ran rarely is missing from every figure about statements, ours included:
averages, rankings and index advice are based on a part of the work.

## How to look

    select name, setting
    from pg_catalog.pg_settings
    where name like 'pg_stat_statements.%';

## How to fix

Raise `pg_stat_statements.max`, which needs a restart and about 1 kB of memory an
entry. First look whether the application makes up statement texts, for instance
with literals in utility statements or lists of varying length: then no size is
enough.

## How to silence

Raise `thresholds.statements_deallocated.warning`, or mute the finding.

## Thresholds

1 in the interval: with a size that fits it never happens. It is never critical.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.rows.stat_statements_info import StatementsInfoRow
from monitor.model.threshold import Parameters
from monitor.model.units import duration, number, plural
from monitor.model.view import View

UNIT = "deallocations"
NEEDS_RATES = (StatementsInfoRow,)

_FACTOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Rounds of eviction in the check interval."""

    warning: float = 1


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield a finding while entries are being evicted."""
    delta = view.recent(StatementsInfoRow)
    if delta is None:
        return
    window = timedelta(seconds=delta.seconds)
    for row in delta.rows:
        rounds = row.deallocations_total
        if not rounds or rounds < thresholds.warning:
            continue
        yield Finding(
            severity=Severity.WARNING,
            object=ObjectRef("server"),
            summary=(
                f"pg_stat_statements evicted entries {plural(rounds, 'time')} within "
                f"{duration(delta.seconds)}; it holds {number(row.max_entries)}"
            ),
            evidence=(
                Evidence("rounds of eviction", rounds, "deallocations", window),
                Evidence("pg_stat_statements.max", row.max_entries, "statements"),
            ),
            unknowns=("What the evicted statements were.",),
            remedy=Remedy(
                sql=(
                    "alter system set pg_stat_statements.max = "
                    f"{row.max_entries * _FACTOR};"
                ),
                undo="alter system reset pg_stat_statements.max;",
                risk="Takes effect at the next restart only.",
            ),
            value=float(rounds),
        )
