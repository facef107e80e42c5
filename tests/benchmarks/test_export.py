"""What exporting an organization of 300 MB takes, and that memory stays as it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.benchmarks.conftest import Say
from tests.integration.platform.exported import (
    Measured,
    add_tenant,
    counted,
    enlarge,
    measured,
)
from tests.platform import Platform

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.requirement("S6.1.2-a"),
    pytest.mark.timeout(900),
]

SIZES = (30_000_000, 300_000_000)


async def test_an_organization_of_300_mb(
    platform: Platform, tmp_path: Path, say: Say
) -> None:
    peaks: dict[str, list[int]] = {}
    say("")
    say(f"  {'':<22}{'MB':>7}{'rows':>9}{'s':>7}{'MB/s':>7}{'peak MB':>9}")
    for size_bytes in SIZES:
        name = f"{size_bytes // 1_000_000} MB"
        tenant = await add_tenant(platform.owner, name.replace(" ", ""))
        await enlarge(platform.owner, tenant, size_bytes)
        wanted = await counted(platform.owner, tenant.id)
        for options in ((), ("--gzip",)):
            folder = tmp_path / f"{name}{options}"

            done = await measured(platform, tenant, folder, *options)

            say(line(f"{name} {' '.join(options)}", done))
            peaks.setdefault(" ".join(options), []).append(done.peak_bytes)
            assert done.size_bytes >= size_bytes
            assert {s["name"]: s["rows"] for s in done.manifest["sections"]} == wanted
            assert {s["sha256"] for s in done.manifest["sections"]} == digests(folder)
    for options, (small, large) in peaks.items():
        say(f"  peak memory, ten times the size{options:>8}: x {large / small:.2f}")
        assert large < 1.3 * small


def line(name: str, done: Measured) -> str:
    size = done.size_bytes / 1e6
    rows = sum(section["rows"] for section in done.manifest["sections"])
    return (
        f"  {name:<22}{size:>7.0f}{rows:>9}{done.seconds:>7.1f}"
        f"{size / done.seconds:>7.1f}{done.peak_bytes / 1e6:>9.1f}"
    )


def digests(folder: Path) -> set[str]:
    files = [path for path in folder.iterdir() if path.name != "manifest.json"]
    found: set[str] = set()
    for path in files:
        with path.open("rb") as file:
            found.add(hashlib.file_digest(file, "sha256").hexdigest())
    return found
