"""Tells systemd that the daemon is ready, alive or stopping (sd_notify(3))."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


def notify(environ: Mapping[str, str], *lines: str) -> bool:
    """Send lines such as `READY=1`; False if nobody takes them.

    Neither the absence of systemd nor its restart may end the daemon.
    Needs no library: one datagram to the socket that NOTIFY_SOCKET names, where
    a leading `@` means an abstract address.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(
        socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    ) as sender:
        sender.settimeout(1.0)
        with contextlib.suppress(OSError):
            sender.connect(address)
            sender.sendall("\n".join(lines).encode())
            return True
    return False


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Return how often systemd wants a sign of life, None if it does not."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000 / 2
