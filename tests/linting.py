"""Catalog lints on a real server: schemas go in, what one lint says comes out."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg.rows import TupleRow

from monitor.model.finding import Finding
from monitor.model.persona import RlsOptions
from monitor.model.target import Credentials
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court

Admin = psycopg.AsyncConnection[TupleRow]


async def prepare(admin: Admin, *schemas: str) -> None:
    """Make the roles of an API, and run scripts."""
    await ensure_role(admin, "anon", "nologin")
    await ensure_role(admin, "authenticated", "nologin")
    await ensure_role(admin, "service_role", "nologin bypassrls")
    for schema in schemas:
        await admin.execute(schema.encode())


async def objections(
    reader: Credentials, lint: str, rls: RlsOptions | None = None
) -> tuple[Finding, ...]:
    """Return what one lint finds now, as the monitoring role."""
    async with bench(reader, rls=rls) as at:
        court = Court(at)
        await court.read("lints")
        return court.judge(lint)


def told(found: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return what findings are about, and their summaries."""
    return [(f.object.name, f.summary) for f in found]


async def apply(admin: Admin, found: Iterable[Finding]) -> None:
    """Type the remedies."""
    for finding in found:
        if finding.remedy is not None:
            await admin.execute(finding.remedy.sql.encode())


async def undo(admin: Admin, found: Iterable[Finding]) -> None:
    """Take the remedies back."""
    for finding in found:
        if finding.remedy is not None:
            await admin.execute(finding.remedy.undo.encode())
