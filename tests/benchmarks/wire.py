"""Tells round trips apart in PostgreSQL's protocol.

Bytes that go to and fro are not round trips: a pipeline is still being sent while
its first answers come back. One begins when a client asks while nothing is owed
to it, and ends with the ReadyForQuery that settles its last Sync.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ENCRYPTION = {80877103, 80877104}
"""Codes of SSLRequest and GSSENCRequest, answered with one byte."""


class Wire:
    """Follows one connection and counts its round trips, that of startup included."""

    def __init__(self) -> None:
        """Start before the client's first byte."""
        self.round_trips = 0
        self._up = bytearray()
        self._down = bytearray()
        self._is_starting = True
        self._single_bytes = 0
        self._owed = 0
        self._is_waiting = False

    def client_sends(self, data: bytes) -> None:
        """Take in bytes from the client."""
        self._up += data
        if self._is_starting:
            self._read_startup()
        for kind in _messages(self._up) if not self._is_starting else ():
            self._ask()
            if kind in b"SQ":
                self._owed += 1

    def _read_startup(self) -> None:
        while self._is_starting and len(self._up) >= 8:
            length, code = struct.unpack_from("!II", self._up)
            del self._up[:length]
            if code in _ENCRYPTION:
                self._single_bytes += 1
            else:
                self._is_starting = False
                self._ask()
                self._owed += 1

    def _ask(self) -> None:
        if not self._is_waiting:
            self.round_trips += 1
            self._is_waiting = True

    def server_sends(self, data: bytes) -> None:
        """Take in bytes from the server."""
        self._down += data
        skipped = min(self._single_bytes, len(self._down))
        del self._down[:skipped]
        self._single_bytes -= skipped
        for kind in _messages(self._down):
            if kind == ord("Z"):
                self._owed -= 1
                self._is_waiting = self._owed > 0


def _messages(data: bytearray) -> Iterator[int]:
    """Yield the types of the complete messages and remove them."""
    start = 0
    while len(data) >= start + 5:
        (length,) = struct.unpack_from("!I", data, start + 1)
        if len(data) < start + 1 + length:
            break
        yield data[start]
        start += 1 + length
    del data[:start]
