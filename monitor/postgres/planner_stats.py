"""What the owner of `monitoring.planner_stats()` needs to read, and no more.

Only a superuser can grant it; on a managed service the function shows what pg_stats
shows its owner. The columns with values of the data (stavalues) are left out.
"""

from __future__ import annotations

from typing import LiteralString

PLANNER_STATS = "planner_stats"

_COLUMNS: LiteralString = """
        starelid,
        staattnum,
        stainherit,
        stanullfrac,
        stawidth,
        stadistinct,
        stakind1,
        stakind2,
        stakind3,
        stakind4,
        stakind5,
        stanumbers1,
        stanumbers2,
        stanumbers3,
        stanumbers4,
        stanumbers5
"""


def _if_superuser(statement: LiteralString) -> LiteralString:
    return (
        """
do $do$
begin
    if pg_catalog.to_regrole('pgvigil_owner') is not null and exists (
        select
        from pg_catalog.pg_roles as r
        where r.rolname = current_user and r.rolsuper
    ) then
        """
        + statement
        + """;
    end if;
end
$do$
"""
    )


ALLOW: LiteralString = _if_superuser(
    "grant select (" + _COLUMNS + ") on pg_catalog.pg_statistic to pgvigil_owner"
)
DISALLOW: LiteralString = _if_superuser(
    "revoke select ("  # noqa: S608 - all parts are constants
    + _COLUMNS
    + ") on pg_catalog.pg_statistic from pgvigil_owner"
)
