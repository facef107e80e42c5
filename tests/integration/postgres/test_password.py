"""Passwords from files and commands: bounded, and never in an error."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from monitor.errors import TargetUnreachable
from monitor.model.target import Credentials
from monitor.postgres.password import read_password

SECRET = "hunter2"


def command(script: str) -> Credentials:
    return Credentials(password_command=("/bin/sh", "-c", script))


async def test_there_is_none_when_none_is_configured() -> None:
    assert await read_password(Credentials()) is None


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nnext line\n"])
async def test_a_file_gives_its_first_line(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(f"  spaced {SECRET} {ending}".encode())

    password = await read_password(Credentials(password_file=str(file)))

    assert password == f"  spaced {SECRET} "


@pytest.mark.parametrize("content", [b"", b"\nsecond", b"\xff\xfehunter2", b"a\0b"])
async def test_a_file_without_a_password_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)

    with pytest.raises(TargetUnreachable) as refused:
        await read_password(Credentials(password_file=str(file)))

    assert SECRET not in str(refused.value)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "absent"

    with pytest.raises(TargetUnreachable, match="absent"):
        await read_password(Credentials(password_file=str(file)))


async def test_a_command_gives_its_first_line() -> None:
    assert await read_password(command(f"echo {SECRET}; echo more")) == SECRET


async def test_a_command_may_print_a_lot() -> None:
    lots = command(f"echo {SECRET}; head -c 1000000 /dev/zero | tr '\\0' x")

    assert await read_password(lots) == SECRET


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "ended with status 3"),
        ("true", "empty password"),
    ],
)
async def test_a_failing_command_is_named_without_its_output(
    script: str, message: str
) -> None:
    with pytest.raises(TargetUnreachable, match=message) as refused:
        await read_password(command(script))

    assert SECRET not in str(refused.value)


async def test_a_missing_command_is_named() -> None:
    absent = Credentials(password_command=("/no/such/program",))

    with pytest.raises(TargetUnreachable, match="/no/such/program"):
        await read_password(absent)


async def test_a_hanging_command_is_ended_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    hanging = command(f"sleep 60 & echo $! > {pid_file}; wait")

    with pytest.raises(TargetUnreachable, match="did not end within"):
        await read_password(hanging, command_seconds=0.3)

    assert await _ends(int(pid_file.read_text()))


async def _ends(pid: int) -> bool:
    for _ in range(200):
        if not _is_running(pid):
            return True
        await asyncio.sleep(0.05)
    return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Without an init process that reaps it, a killed orphan stays as a zombie.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
