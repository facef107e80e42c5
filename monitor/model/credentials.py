"""How a login enters a server."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the password comes from; read again at every connect, never logged."""

    conninfo: str = field(default="", repr=False)
    password_file: str | None = None
    password_command: tuple[str, ...] | None = None
