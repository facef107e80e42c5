"""The options that say which settings and which server a command works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from monitor.errors import ConfigError
from monitor.logs import configure
from monitor.model.target import Target
from monitor.settings import Settings, load
from monitor.settings.libpq import has_secret, is_valid

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_SECRET_KEYS = ("dsn", "password", "token", "libpq")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a command line says its settings come from."""

    config: Path | None = None
    changes: tuple[str, ...] = ()
    dsn: str | None = None

    def read(self, environ: Mapping[str, str] = os.environ) -> Settings:
        """Return the settings.

        Raises:
            ConfigError: they are wrong, or a secret stands on the command line,
                where every user of the system can read it.
        """
        overrides: dict[str, Any] = {}
        for change in self.changes:
            _put(overrides, change)
        if self.dsn is not None:
            refuse_secret(self.dsn)
            overrides["targets"] = [{"dsn": self.dsn}]
        return load(self.config, environ, overrides)

    def read_and_log(self) -> Settings:
        """Return the settings after setting up logging as they say."""
        settings = self.read()
        configure(log_format=settings.logging.format, level=settings.logging.level)
        return settings


def settings_options(command: Callable[..., T]) -> Callable[..., T]:
    """Add `--config`, `--set` and `--dsn`; the command gets `source`."""

    @wraps(command)
    def with_source(
        *,
        config: Path | None,
        changes: tuple[str, ...],
        dsn: str | None,
        **others: object,
    ) -> T:
        return command(source=Source(config, changes, dsn), **others)

    found: Callable[..., T] = with_source
    for option in _OPTIONS:
        found = option(found)
    return found


_OPTIONS = (
    click.option(
        "--dsn",
        help="Work with this one server; a connection string without a password.",
    ),
    click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="KEY=VALUE",
        help="Change a setting, for instance http.listen=:9843. May be repeated.",
    ),
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Settings file, YAML or TOML. [env: PGVIGIL_CONFIG]",
    ),
)


def target_option(command: F) -> F:
    """Add `--target`, for commands that work with one server."""
    return click.option(
        "--target", "target_name", help="Which target of the settings is meant."
    )(command)


def refuse_secret(dsn: str) -> None:
    """Refuse a connection string with a password in it, or that nobody understands.

    Raises:
        ConfigError: with the ways that are safe.
    """
    if not is_valid(dsn):
        raise ConfigError("--dsn is not a connection string that libpq understands")
    if has_secret(dsn):
        raise ConfigError(
            "cannot take a connection string with a password from the command line",
            detail="Every user of this system can read the arguments of a command.",
            hint="Use PGPASSFILE or PGPASSWORD, a service file, or password_file.",
        )


def _put(tree: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ConfigError("--set takes KEY=VALUE, for instance http.listen=:9843")
    if not any(part.endswith(_SECRET_KEYS) for part in path) or "_file" in key:
        inner = tree
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
        return
    raise ConfigError(
        "cannot take a secret from the command line",
        detail="Every user of this system can read the arguments of a command.",
        hint="Use the settings file, a file in PGVIGIL_SECRETS_DIR, or a variable.",
    )


def choose_target(settings: Settings, name: str | None) -> Target:
    """Return the target that is meant; the only one needs no name.

    Raises:
        ConfigError: there is no such target, or it is not clear which.
    """
    targets = {target.name: target for target in settings.to_targets()}
    if name is None and len(targets) == 1:
        return next(iter(targets.values()))
    if name in targets:
        return targets[name]
    names = ", ".join(sorted(targets)) or "none"
    problem = (
        "it is not clear which target is meant"
        if name is None
        else f'there is no target "{name}"'
    )
    raise ConfigError(problem, hint=f"Choose one with --target: {names}.")
