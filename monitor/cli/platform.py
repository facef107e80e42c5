"""Commands about the platform: the application's database with its policies."""

from __future__ import annotations

from dataclasses import asdict

import click

from monitor.cli.migrate import Place, baseline, down, new, placed, status
from monitor.cli.output import emit_json, emit_line
from monitor.cli.platform_audit import audit
from monitor.cli.platform_export import export
from monitor.cli.platform_generate import generate
from monitor.cli.schema import MAJOR, describe
from monitor.model.server import NEWEST_KNOWN_MAJOR
from monitor.postgres import platform as installation
from monitor.postgres import platform_script
from monitor.postgres.platform import InstalledPlatform, PlatformPlan
from monitor.postgres.session import Session

_SHIM = click.option(
    "--with-auth-shim",
    is_flag=True,
    help="Where there is no schema auth: make a plain table of users.",
)


@click.group()
@click.pass_context
def platform(context: click.Context) -> None:
    """Install the application's database, and move it from version to version."""
    context.obj = installation.SET


for _shared in (status, down, baseline, new, export):
    platform.add_command(_shared)
platform.add_command(generate)
platform.add_command(audit)


@platform.command()
@placed
@_SHIM
@click.option("--print-sql", is_flag=True, help="Only print what would be run.")
@click.option("--version", "major", type=MAJOR, help="Server's major for --print-sql.")
def install(
    output: str,
    major: int | None,
    *,
    place: Place,
    print_sql: bool,
    with_auth_shim: bool,
) -> None:
    """Install or update schema monitoring and the platform.

    The role that connects will own it; it bypasses row level security. A schema
    auth that exists is used as it is and never changed.
    """
    if print_sql:
        click.echo(
            platform_script.print_sql(
                major or NEWEST_KNOWN_MAJOR, with_auth_shim=with_auth_shim
            )
        )
        return

    async def work(session: Session) -> InstalledPlatform:
        return await installation.install(session, with_auth_shim=with_auth_shim)

    done = place.run(work)
    if output == "json":
        emit_json(asdict(done))
        return
    emit_line(f"schema monitoring: {describe(done.monitoring)}")
    _emit(done.adopted, done.migrations, "applied")


@platform.command()
@placed
@_SHIM
def plan(output: str, *, place: Place, with_auth_shim: bool) -> None:
    """Show what `install` would run, or why it cannot; changes nothing."""

    async def work(session: Session) -> PlatformPlan:
        return await installation.plan(session, with_auth_shim=with_auth_shim)

    planned = place.run(work)
    if output == "json":
        emit_json(asdict(planned))
        return
    _emit(planned.adopted, planned.migrations, "would run")


def _emit(adopted: tuple[str, ...], migrations: tuple[str, ...], verb: str) -> None:
    for file in adopted:
        emit_line(f"recorded, not run: {file}")
    for file in migrations:
        emit_line(f"{verb}: {file}")
    if not (adopted or migrations):
        emit_line("platform: was up to date")
