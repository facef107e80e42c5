"""Writes files that come with pgvigil to a folder of the operator's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from monitor.errors import ConfigError


def copy(
    files: Iterable[Path],
    root: Path,
    folder: Path,
    replacing: Mapping[str, str] | None = None,
) -> list[Path]:
    """Copy text files below `root` into a folder, with their subfolders.

    `replacing` maps placeholders in them to what is to stand there.

    Raises:
        ConfigError: the folder cannot be written, or there is nothing to copy.
    """
    written: list[Path] = []
    try:
        for file in sorted(files):
            destination = folder / file.relative_to(root)
            destination.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text(encoding="utf-8")
            for placeholder, value in (replacing or {}).items():
                text = text.replace(placeholder, value)
            destination.write_text(text, encoding="utf-8")
            written.append(destination)
    except OSError as error:
        raise ConfigError(
            f'could not write to "{folder}": {error.strerror or "I/O error"}'
        ) from None
    if not written:
        raise ConfigError("there is nothing to export in this installation")
    return written
