"""The folder of an export: nothing in it bears its name before all of it is there."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from monitor.errors import ConfigError

MANIFEST = "manifest.json"
PARTIAL = ".partial"

_BUFFER_BYTES = 1 << 20
_COMPRESSION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A section as it lies on disk; `sha256` and `size_bytes` are of the file."""

    name: str
    file: str
    rows: int
    size_bytes: int
    uncompressed_bytes: int
    sha256: str


class Progress(Protocol):
    """Hears how far a section has got."""

    def __call__(self, name: str, rows: int, size_bytes: int) -> None:
        """Take note of a section's rows and bytes so far."""
        ...


class _Digested:
    """Counts and digests what is written to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class SectionFile:
    """One section that is being written."""

    def __init__(
        self, name: str, file: BinaryIO, progress: Progress, *, zipped: bool
    ) -> None:
        self.rows = 0
        self.size_bytes = 0
        self.stored = _Digested(file)
        self._name = name
        self._progress = progress
        # Without name and time, so that the same rows give the same file.
        self._gzip = (
            gzip.GzipFile("", "wb", _COMPRESSION, self.stored, mtime=0)
            if zipped
            else None
        )

    def write(self, lines: bytes) -> None:
        """Write whole lines."""
        (self._gzip or self.stored).write(lines)
        self.rows += lines.count(b"\n")
        self.size_bytes += len(lines)
        self._progress(self._name, self.rows, self.size_bytes)

    def finish(self) -> None:
        """Write what is held back."""
        if self._gzip is not None:
            self._gzip.close()
        self.stored.flush()


class ExportDirectory:
    """A folder that an export fills; used as a context, it is emptied on failure."""

    def __init__(self, path: Path, progress: Progress, *, zipped: bool) -> None:
        self._path = path
        self._progress = progress
        self._zipped = zipped
        self._is_new = False
        self._is_published = False
        self._begun: list[Path] = []
        self.written: list[WrittenFile] = []

    @contextmanager
    def claimed(self) -> Generator[None]:
        """Take the folder, and leave it as it was found unless `publish` was reached.

        Raises:
            ConfigError: it has something in it, or cannot be written.
        """
        with self._told():
            self._claim()
        try:
            yield
        finally:
            self._discard()

    @contextmanager
    def section(self, name: str) -> Generator[SectionFile]:
        """Write one section; it is on disk when the context is left.

        Raises:
            ConfigError: it cannot be written.
        """
        file = f"{name}.ndjson{'.gz' if self._zipped else ''}"
        with self._told(), self._create(file) as raw:
            sink = SectionFile(name, raw, self._progress, zipped=self._zipped)
            yield sink
            sink.finish()
            os.fsync(raw.fileno())
        self.written.append(
            WrittenFile(
                name=name,
                file=file,
                rows=sink.rows,
                size_bytes=sink.stored.size_bytes,
                uncompressed_bytes=sink.size_bytes,
                sha256=sink.stored.hexdigest(),
            )
        )

    def publish(self, manifest: Mapping[str, object]) -> None:
        """Give every file its name, the manifest last.

        Raises:
            ConfigError: it cannot be done.
        """
        with self._told():
            with self._create(MANIFEST) as raw:
                raw.write(json.dumps(manifest, indent=2).encode() + b"\n")
                raw.flush()
                os.fsync(raw.fileno())
            for path in self._begun:
                _partial(path).rename(path)
            self._sync()
        self._is_published = True

    def _claim(self) -> None:
        try:
            # What is exported is not for other users of this system.
            self._path.mkdir(mode=stat.S_IRWXU, parents=True)
            self._is_new = True
        except FileExistsError:
            if not self._path.is_dir():
                raise
        if any(self._path.iterdir()):
            raise ConfigError(
                f'the folder "{self._path}" is not empty',
                hint="Choose another one; an export never overwrites anything.",
            )

    def _create(self, name: str) -> BinaryIO:
        path = self._path / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(_partial(path), flags, stat.S_IRUSR | stat.S_IWUSR)
        self._begun.append(path)
        return os.fdopen(descriptor, "wb", buffering=_BUFFER_BYTES)

    def _discard(self) -> None:
        if self._is_published:
            return
        for path in self._begun:
            path.unlink(missing_ok=True)
            _partial(path).unlink(missing_ok=True)
        if self._is_new:
            self._path.rmdir()

    def _sync(self) -> None:
        """Make the names last through a crash of the system."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f'could not write to "{self._path}": {error.strerror or "I/O error"}'
            ) from error


def _partial(path: Path) -> Path:
    return path.with_name(path.name + PARTIAL)
