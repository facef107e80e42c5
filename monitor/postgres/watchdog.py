"""Stops a throw-away server when its owner is gone, even by SIGKILL.

Runs as a process of its own, `python -I -S watchdog.py DIRECTORY`, and therefore
imports nothing but the standard library. Standard input tells it which server
there is: `starting`, a postmaster's pid, or `none`. The end of input means that
the owner is gone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STARTING = "starting"
NONE = "none"
# Fast shutdown, then immediate shutdown, then force; seconds given to each.
_ESCALATION = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 1.0))


def family(pid: int) -> tuple[int, ...]:
    """Return a postmaster's pid and those of its children, which it comes before.

    Each backend leads a process group of its own, so that no signal to a group
    reaches them all.
    """
    return (pid, *(child for child, parent in _parents() if parent == pid))


def send(pids: tuple[int, ...], signum: signal.Signals) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)


def stop(pid: int) -> None:
    """Stop a server whatever it takes; one whose processes are paused, too."""
    for signum, seconds in _ESCALATION:
        members = family(pid)
        send(members, signal.SIGCONT)
        send(members if signum is signal.SIGKILL else (pid,), signum)
        if _is_gone(pid, within=seconds):
            return


def _parents() -> list[tuple[int, int]]:
    if Path("/proc/self/stat").exists():
        return _parents_from_proc()
    # ps is always there where /proc is not: macOS and the BSDs.
    listing = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    fields = [line.split() for line in listing.stdout.splitlines()]
    return [(int(pid), int(parent)) for pid, parent in fields]


def _parents_from_proc() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The command's name stands in parentheses and may contain anything.
            after_name = (entry / "stat").read_text(errors="replace").rpartition(")")[2]
            found.append((int(entry.name), int(after_name.split()[1])))
    return found


def _is_gone(pid: int, *, within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _recorded_pid(directory: Path) -> int | None:
    """Return the pid in postmaster.pid, waiting for a server that just starts."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, IndexError):
            recorded = (directory / "data" / "postmaster.pid").read_text()
            return int(recorded.splitlines()[0])
        time.sleep(0.05)
    return None


def main(directory: Path) -> None:
    """Wait for the owner's end, then stop its server and remove its directory."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    last = NONE
    for line in sys.stdin:
        last = line.strip()
    pid = _recorded_pid(directory) if last == STARTING else None
    if last.isdigit():
        pid = int(last)
    if pid is not None:
        stop(pid)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
