"""The command `pgvigil`: finds its subcommands and handles what they raise."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import click

from monitor import __version__
from monitor.cli.failures import guarded

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "daemon",
        "demo": "demo",
        "once": "daemon",
        "check": "nagios",
        "findings": "findings",
        "explain": "explain",
        "lint": "lint",
        "indexes": "listings",
        "rls": "rls",
        "maintenance": "listings",
        "actions": "actions",
        "alerts": "alerts",
        "dashboards": "dashboards",
        "install": "schema",
        "uninstall": "schema",
        "migrate": "migrate",
        "platform": "platform",
        "print-grants": "schema",
        "config": "config",
    }
)
"""Command and its module: only what is called is imported."""


class Commands(click.Group):
    """The subcommands, each loaded when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order in which people meet them."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command's module and return it."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        loaded = importlib.import_module(f"monitor.cli.{module}")
        return getattr(loaded, cmd_name.replace("-", "_"))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="pgvigil", message="%(prog)s %(version)s")
def pgvigil(*, debug: bool) -> None:
    """Keep vigil over PostgreSQL: watch, explain, alert, advise, repair.

    Without any settings the server of libpq's environment is meant:
    PGHOST=db1 pgvigil run
    """
    del debug


@pgvigil.command()
def version() -> None:
    """Print the version."""
    click.echo(f"pgvigil {__version__}")


@pgvigil.command(add_help_option=False)
def healthcheck() -> None:
    """Ask the daemon on this host whether it lives; exit status 0 or 1.

    Answered in `monitor.cli.main`, before anything else is imported.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return the exit status."""
    # Wherever it stands: it is added to a command line that has just failed.
    others = [argument for argument in arguments if argument != "--debug"]
    return guarded(
        lambda: pgvigil.main(others, "pgvigil", standalone_mode=False),
        debug="--debug" in arguments,
    )
