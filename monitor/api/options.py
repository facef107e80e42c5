"""What the HTTP surface is told: address, files, token, limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """How to serve.

    `token` gives the bearer token that may operate, asked at each request, so
    that a rotated file counts at once; None or an empty one lets nobody operate.
    `expose_query_text` None shows statement texts only on a loopback address;
    nothing that is open to everybody ever shows them. `longest_silence` is how old
    the heartbeat may be for `/livez`, `freshness` how old the last cycle for
    `/primary` and its kin. `has_legacy_names` serves metrics as text only, since
    OpenMetrics has no room for names that are another family's without `_total`.
    """

    host: str = "127.0.0.1"
    port: int = 9843
    web_config_file: Path | None = None
    token: Callable[[], str] | None = field(default=None, repr=False)
    external_url: str = ""
    expose_query_text: bool | None = None
    has_legacy_names: bool = False
    longest_silence: timedelta = timedelta(seconds=60)
    freshness: timedelta = timedelta(seconds=15)
    request_timeout: timedelta = timedelta(seconds=30)
    idle_timeout: timedelta = timedelta(seconds=75)
    largest_body_bytes: int = 64 * 1024
    now: Callable[[], datetime] = _utc_now

    @property
    def is_loopback(self) -> bool:
        """Say whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def has_query_text(self) -> bool:
        """Say whether readers are shown statement texts."""
        if self.expose_query_text is None:
            return self.is_loopback
        return self.expose_query_text

    @property
    def external_origin(self) -> str:
        """Return scheme and authority of `external_url`, empty without it."""
        parts = urlsplit(self.external_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
