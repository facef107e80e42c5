"""Writes files that come with pgvigil to a folder of the operator's."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from monitor.errors import ConfigError


def copy(files: Iterable[Path], root: Path, folder: Path) -> list[Path]:
    """Copy files below `root` into a folder, with their subfolders.

    Raises:
        ConfigError: the folder cannot be written, or there is nothing to copy.
    """
    written: list[Path] = []
    try:
        for file in sorted(files):
            destination = folder / file.relative_to(root)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, destination)
            written.append(destination)
    except OSError as error:
        raise ConfigError(
            f'could not write to "{folder}": {error.strerror or "I/O error"}'
        ) from None
    if not written:
        raise ConfigError("there is nothing to export in this installation")
    return written
