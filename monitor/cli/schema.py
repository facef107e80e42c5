"""Commands that install schema `monitoring`, and print what the roles need."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TypeVar

import click

from monitor.cli.context import (
    Source,
    choose_target,
    settings_options,
    target_option,
)
from monitor.cli.output import emit_json, emit_line, output_option
from monitor.model.server import NEWEST_KNOWN_MAJOR, OLDEST_SUPPORTED_MAJOR
from monitor.postgres import install as installation
from monitor.postgres.grants import BYPASS, DEFAULT_ROLES, PROBE, GrantPlan
from monitor.postgres.grants import print_grants as grants_text
from monitor.postgres.install import Installed
from monitor.postgres.probe import probe
from monitor.postgres.session import Limits, Purpose, Session
from monitor.settings import Settings

T = TypeVar("T")

MAJOR = click.IntRange(OLDEST_SUPPORTED_MAJOR, None)


@click.command()
@settings_options
@target_option
@click.option("--print-sql", is_flag=True, help="Only print what would be run.")
@click.option("--version", "major", type=MAJOR, help="Server's major for --print-sql.")
@click.option(
    "--all-databases", is_flag=True, help="Views in the server's other databases, too."
)
@click.option(
    "--planner-stats",
    is_flag=True,
    help="Statistics without values, also of tables under row level security.",
)
@output_option
def install(
    *,
    source: Source,
    target_name: str | None,
    major: int | None,
    output: str,
    print_sql: bool,
    all_databases: bool,
    planner_stats: bool,
) -> None:
    """Install or update schema monitoring in a target's database.

    It works with the rights of the role that connects; a superuser is not needed,
    CREATE on the database is.
    """
    if print_sql:
        click.echo(installation.print_sql(major or NEWEST_KNOWN_MAJOR))
        return
    settings = source.read_and_log()

    async def work(session: Session) -> dict[str, Installed]:
        here = await installation.install(session, planner_stats=planner_stats)
        done = {session.dbname: here}
        if all_databases:
            make = partial(installation.install_local, planner_stats=planner_stats)
            done |= await _install_elsewhere(settings, target_name, session, make)
        return done

    _report(asyncio.run(with_session(settings, target_name, work)), output)


def _report(found: Mapping[str, Installed], output: str) -> None:
    if output == "json":
        emit_json({"databases": {name: asdict(one) for name, one in found.items()}})
        return
    for name, one in found.items():
        emit_line(f"database {name}: {describe(one)}")


def describe(done: Installed) -> str:
    """Return in words what an installation changed."""
    if not (done.migrations or done.views or done.dropped):
        return "was up to date"
    counts = (
        (len(done.migrations), "migration(s) applied"),
        (len(done.views), "view(s) and function(s) made"),
        (len(done.dropped), "dropped"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count)


async def _install_elsewhere(
    settings: Settings,
    target_name: str | None,
    session: Session,
    make: Callable[[Session], Awaitable[Installed]],
) -> dict[str, Installed]:
    done: dict[str, Installed] = {}
    for datname in (await probe(session)).databases:
        if datname == session.dbname:
            continue
        other = await open_session(settings, target_name, datname)
        try:
            done[datname] = await make(other)
        finally:
            await other.close()
    return done


@click.command()
@settings_options
@target_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option
def uninstall(
    *, source: Source, target_name: str | None, output: str, yes: bool
) -> None:
    """Remove schema monitoring with its journal and history; roles stay."""
    settings = source.read_and_log()
    if not yes:
        click.confirm(
            "Remove schema monitoring with its journal and history?", abort=True
        )
    removed = asyncio.run(with_session(settings, target_name, installation.uninstall))
    if output == "json":
        emit_json({"removed": removed})
        return
    emit_line("schema monitoring is removed" if removed else "there was nothing")


@click.command("print-grants")
@click.option(
    "--version",
    "major",
    type=MAJOR,
    default=NEWEST_KNOWN_MAJOR,
    show_default=True,
    help="The server's major version.",
)
@click.option(
    "--database",
    "databases",
    multiple=True,
    default=("postgres",),
    show_default=True,
    help="A watched database, the control database first. May be repeated.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    default=DEFAULT_ROLES,
    show_default=True,
    help="May be repeated.",
)
@click.option(
    "--owner", "owners", multiple=True, help="A role that owns tables. May be repeated."
)
@click.option(
    "--schema", "schemas", multiple=True, help="Narrow MAINTAIN to it. May be repeated."
)
@click.option(
    "--persona",
    "personas",
    multiple=True,
    help="A role to probe policies as; adds both logins. May be repeated.",
)
@click.option(
    "--bypassing",
    default="",
    help="The BYPASSRLS role that pgvigil_bypass becomes; adds both logins.",
)
@click.option("--connections", type=click.IntRange(2, 32), default=3, show_default=True)
def print_grants(
    *,
    major: int,
    databases: tuple[str, ...],
    roles: tuple[str, ...],
    owners: tuple[str, ...],
    schemas: tuple[str, ...],
    personas: tuple[str, ...],
    bypassing: str,
    connections: int,
) -> None:
    """Print the roles and grants that pgvigil needs, for an administrator to run."""
    is_probing = bool(personas or bypassing)
    plan = GrantPlan(
        version=major,
        databases=databases,
        roles=with_probes(roles) if is_probing else roles,
        owners=owners,
        schemas=schemas,
        personas=personas,
        bypassing=bypassing,
        connections_per_server=connections,
    )
    click.echo(grants_text(plan), nl=False)


def with_probes(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return roles with the two logins of probes among them."""
    return (*roles, *(role for role in (PROBE, BYPASS) if role not in roles))


async def with_session(
    settings: Settings,
    target_name: str | None,
    work: Callable[[Session], Awaitable[T]],
) -> T:
    """Run work on a session that may write, in the target's own database."""
    session = await open_session(settings, target_name)
    try:
        return await work(session)
    finally:
        await session.close()


async def open_session(
    settings: Settings, target_name: str | None, datname: str | None = None
) -> Session:
    """Connect to a target in order to change something there.

    Statements have no time limit here: migrations bring their own.
    """
    target = choose_target(settings, target_name)
    timeouts = settings.timeouts
    return await Session.open(
        target.credentials,
        purpose=Purpose.ACT,
        instance=settings.instance,
        dbname=datname,
        limits=Limits(
            connect=timeouts.connect,
            statement=timedelta(0),
            lock=timeouts.lock,
            grace=timeouts.grace,
        ),
    )
