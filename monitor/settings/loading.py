"""Loads the settings from all their sources."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from monitor.errors import ConfigError
from monitor.settings.problems import explain
from monitor.settings.root import Settings
from monitor.settings.sources import Merged, environment, read_file, secrets

_IMAGE_STATE = Path("/var/lib/pgvigil")


def load(
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """Return the settings: file < secrets directory < environment < overrides.

    `config` falls back to $PGVIGIL_CONFIG; without either there is no file.

    Raises:
        ConfigError: something is wrong; it names file, key and problem, never a
            value.
    """
    merged = Merged()
    path = config_path(config, environ)
    if path is not None:
        merged.add(read_file(path), str(path))
    directory = environ.get("PGVIGIL_SECRETS_DIR") or environ.get(
        "CREDENTIALS_DIRECTORY"
    )
    named = secrets(Path(directory)) if directory else {}
    for key, (value, origin) in {**named, **environment(environ)}.items():
        merged.put(key, value, origin)
    merged.add(overrides, "command line")
    merged.tree.setdefault("state_dir", str(state_directory(environ)))
    try:
        return Settings(**merged.tree)
    except ValidationError as error:
        raise explain(error, merged) from None


def config_path(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return which file the settings come from; None without one."""
    if config is not None:
        return config
    named = environ.get("PGVIGIL_CONFIG")
    return Path(named) if named else None


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return where the state file lies unless `state_dir` says otherwise.

    systemd's $STATE_DIRECTORY, else the image's folder where it can be written,
    else the user's own.

    Raises:
        ConfigError: there is no home directory either.
    """
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.access(_IMAGE_STATE, os.W_OK):
        return _IMAGE_STATE
    base = environ.get("XDG_STATE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "pgvigil"
    try:
        return Path.home() / ".local" / "state" / "pgvigil"
    except RuntimeError:
        raise ConfigError(
            "could not find a directory for the state file",
            hint="Set state_dir, or PGVIGIL_STATE_DIR.",
        ) from None
