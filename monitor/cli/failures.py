"""Turns errors into `error: …`, `detail: …`, `hint: …` and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import click

from monitor.errors import ConfigError, MonitorError
from monitor.logs import describe, escape, redact

FAILED = 2
"""Exit status of every error; 1 is left for "found something"."""

INTERRUPTED = 130


def guarded(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command and return its exit status; never lets an exception out."""
    try:
        status = command()
        sys.stdout.flush()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader, such as head, has seen enough; click makes it a SystemExit.
        # Python would complain about what it could not write when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        _report(error)
        if debug:
            click.echo(redact(traceback.format_exc()), err=True)
        return FAILED
    return status if isinstance(status, int) else 0


def _report(error: Exception) -> None:
    if isinstance(error, click.ClickException):
        show(_usage(error))
    elif isinstance(error, MonitorError):
        show(error)
    else:
        click.echo(
            f"error: internal error: {redact(escape(describe(error)))}", err=True
        )
        click.echo("hint: This is a bug; --debug shows the traceback.", err=True)


def _usage(error: click.ClickException) -> MonitorError:
    """Return click's error in our form."""
    said = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "pgvigil"
    return ConfigError(said[:1].lower() + said[1:], hint=f'Try "{command} --help".')


def show(error: MonitorError) -> None:
    """Write an error for people; its lines are few and cannot be forged."""
    for label, text in (
        ("error", error.message),
        ("detail", error.detail),
        ("hint", error.hint),
    ):
        for line in filter(None, text.splitlines()):
            click.echo(f"{label}: {escape(redact(line))}", err=True)
