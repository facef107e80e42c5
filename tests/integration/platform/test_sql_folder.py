"""Every file of sql/ loads into an empty database of every supported version."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor import resources
from monitor.collectors.build import Libraries
from monitor.model.migration_plan import NOTHING
from monitor.model.target import Credentials
from monitor.postgres import install as monitoring
from monitor.postgres import manifest, platform
from monitor.postgres.migrate import Migrator
from monitor.postgres.platform_conditions import OLDEST_MAJOR
from monitor.postgres.request import Request
from monitor.postgres.session import Session
from tests.collecting import SECONDS, Bench, bench
from tests.integration.postgres.schema import Admin, rows
from tests.platform import session_to

SQL = resources.directory("sql")
FOLDERS = {"legacy", "lints", "metrics", "migrations", "platform", "stats", "views"}
_PARAMETER = re.compile(r"%\((\w+)\)s")


def files(pattern: str) -> list[Path]:
    return sorted(path for path in SQL.glob(pattern) if ".down." not in path.name)


def bases(folder: str) -> set[str]:
    """Return the names of a folder's files without their versions."""
    return {path.stem.partition("@")[0] for path in files(f"{folder}/*.sql")}


async def install(session: Session, major: int) -> None:
    if major >= OLDEST_MAJOR:
        await platform.install(session, with_auth_shim=True)
    else:
        await monitoring.install(session)


async def recorded(admin: Admin, schema: str) -> list[str]:
    found = await rows(
        admin,
        f"select version || '_' || name || '.sql' from {schema}.schema_migrations"
        " order by 1",
    )
    return [file for (file,) in found]


async def run_queries(at: Bench, libraries: Libraries) -> tuple[set[str], list[str]]:
    """Return the names of the query files, and what went wrong with them."""
    libraries_of = (libraries.stats, libraries.metrics, libraries.lints)
    queries = [
        library.choose(name, at.server)
        for library in libraries_of
        for name in library.names
    ]
    requests = [
        Request(
            name=query.name,
            sql=query.sql,
            # All that is asked for are arrays of numbers.
            parameters={name: [1] for name in _PARAMETER.findall(query.sql)} or None,
        )
        for query in queries
        if query.since.fits(at.server)
    ]
    replies = await at.session.run_all(requests, seconds=SECONDS)
    return (
        {query.name for query in queries},
        [f"{reply.name}: {reply.error}" for reply in replies if reply.error],
    )


def test_there_is_no_folder_that_nothing_loads() -> None:
    assert {path.name for path in SQL.iterdir() if path.is_dir()} == FOLDERS


@pytest.mark.pg("all")
@pytest.mark.requirement("S0-a")
async def test_every_file_loads_into_an_empty_database(
    conninfo: str, admin: Admin, reader: Credentials, major: int
) -> None:
    has_platform = major >= OLDEST_MAJOR
    async with session_to(conninfo) as session:
        await install(session, major)
        # The one view that is installed only when it is asked for.
        await monitoring.install(session, planner_stats=True)
        lines = await manifest.read(session.connection) if has_platform else ()
    migrations = await recorded(admin, "monitoring")
    application = await recorded(admin, "public") if has_platform else []
    views = await rows(admin, "select name from monitoring.repeatables")
    libraries = Libraries.load(legacy_names=True)
    async with bench(reader, libraries=libraries) as at:
        queries, errors = await run_queries(at, libraries)

    assert errors == []
    folders = ("legacy", "lints", "metrics", "stats")
    assert queries == set().union(*map(bases, folders))
    assert migrations == [p.name for p in files("migrations/monitoring/*.sql")]
    assert application == (
        [p.name for p in files("migrations/platform/*.sql")] if has_platform else []
    )
    assert {name for (name,) in views} == bases("views")
    assert bool(lines) is has_platform


@pytest.mark.pg("all")
@pytest.mark.requirement("S0-a")
async def test_every_way_back_runs(conninfo: str, admin: Admin, major: int) -> None:
    async with session_to(conninfo) as session:
        await install(session, major)

        if major >= OLDEST_MAJOR:
            await Migrator(session, platform.SET).down(NOTHING, confirm=True)
        removed = await monitoring.uninstall(session)

    schemas = await rows(
        admin,
        "select nspname::text from pg_namespace where nspname !~ '^pg_' order by 1",
    )
    assert removed
    assert schemas == [("information_schema",), ("public",)]
