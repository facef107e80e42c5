"""A target's password, read anew at every connect: rotation needs no restart.

Nothing here ever puts a password, or what a command printed, into an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from monitor.errors import TargetUnreachable
from monitor.model.target import Credentials

FILE_SECONDS = 3.0
COMMAND_SECONDS = 10.0
# Tokens of cloud providers take up to about 2 kB.
_LIMIT_BYTES = 16_384


async def read_password(
    credentials: Credentials, *, command_seconds: float = COMMAND_SECONDS
) -> str | None:
    """Return the password of its file or command; None if neither is configured.

    Raises:
        TargetUnreachable: there is none to be had now.
    """
    if credentials.password_file is not None:
        return _first_line(await _read(Path(credentials.password_file)), "file")
    if credentials.password_command is not None:
        printed = await _run(credentials.password_command, command_seconds)
        return _first_line(printed, "command")
    return None


async def _read(path: Path) -> bytes:
    # A thread, since the file may lie on a network that is gone, or be a pipe.
    read = asyncio.ensure_future(asyncio.to_thread(_read_file, path))
    done, _ = await asyncio.wait({read}, timeout=FILE_SECONDS)
    if not done:
        raise TargetUnreachable(
            f'could not read the password file "{path}" within {FILE_SECONDS:g} s'
        )
    try:
        return read.result()
    except OSError as error:
        raise TargetUnreachable(
            f'could not read the password file "{path}"', detail=error.strerror or ""
        ) from error


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LIMIT_BYTES)


async def _run(command: tuple[str, ...], seconds: float) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise TargetUnreachable(
            f'could not run the password command "{command[0]}"',
            detail=error.strerror or "",
        ) from error
    output = asyncio.ensure_future(_output(process))
    try:
        done, _ = await asyncio.wait({output}, timeout=seconds)
    finally:
        if not output.done():
            # Its children, too: they hold the pipe open.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({output}, timeout=1)
    if not done:
        raise TargetUnreachable(
            f'the password command "{command[0]}" did not end within {seconds:g} s'
        )
    printed, status = output.result()
    if status != 0:
        raise TargetUnreachable(
            f'the password command "{command[0]}" ended with status {status}',
            hint="Run it by hand; what it prints is never logged.",
        )
    return printed


async def _output(process: asyncio.subprocess.Process) -> tuple[bytes, int]:
    printed = b""
    while process.stdout and (chunk := await process.stdout.read(_LIMIT_BYTES)):
        printed = (printed + chunk)[:_LIMIT_BYTES]
    return printed, await process.wait()


def _first_line(text: bytes, source: str) -> str:
    try:
        lines = text.decode().splitlines()
    except UnicodeDecodeError:
        # The cause would carry the bytes.
        raise TargetUnreachable(f"the password {source} is not UTF-8") from None
    if not lines or not lines[0]:
        raise TargetUnreachable(f"the password {source} gave an empty password")
    if "\0" in lines[0]:
        raise TargetUnreachable(f"the password {source} gave a zero byte")
    return lines[0]
