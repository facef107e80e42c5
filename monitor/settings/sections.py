"""Settings that hold for the whole daemon, one model for each section."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from monitor.exporters.series import LIMITS, SeriesLimits
from monitor.model.target import Profile
from monitor.postgres.session import Limits
from monitor.settings.values import (
    PositiveDuration,
    Section,
    Url,
    problem,
)

LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]*)):(\d{1,5})")
_HIGHEST_PORT = 65535


class HttpSettings(Section):
    """The status page, the metrics and the API."""

    listen: str = Field(default="127.0.0.1:9843", description="HOST:PORT to bind.")
    web_config_file: str | None = Field(
        default=None, description="TLS and users, as exporter-toolkit writes them."
    )
    token_file: str | None = Field(
        default=None, description="File with the bearer token that may operate."
    )
    token: SecretStr | None = Field(
        default=None, description="The token itself; better, use token_file."
    )
    external_url: Url | None = Field(
        default=None, description="How others reach this daemon, for links in alerts."
    )
    expose_query_text: bool | None = Field(
        default=None,
        description="Show statement texts; unset, only where just this host connects.",
    )

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, listen: str) -> str:
        match = _LISTEN.fullmatch(listen)
        if not match or int(match[3]) > _HIGHEST_PORT:
            raise problem("must be HOST:PORT, for instance 127.0.0.1:9843")
        return listen

    @model_validator(mode="after")
    def _check_one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise problem("has both token and token_file; give one")
        return self

    def read_token(self) -> str:
        """Return the token as it is now, empty without one; reads its file.

        A file that cannot be read lets nobody operate.
        """
        if self.token is not None:
            return self.token.get_secret_value()
        if self.token_file is None:
            return ""
        try:
            return Path(self.token_file).read_text().strip()
        except (OSError, UnicodeError):
            return ""

    @property
    def host(self) -> str:
        """Return the address to bind; empty for all."""
        match = _LISTEN.fullmatch(self.listen)
        return (match[1] or match[2]) if match else ""

    @property
    def port(self) -> int:
        """Return the port to bind; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])


class LoggingSettings(Section):
    """Logs go to standard error, one line for each event."""

    format: LogFormat = Field(
        default="auto", description="auto is console on a terminal, json elsewhere."
    )
    level: LogLevel = Field(
        default="info", description="The least level that is written."
    )


class ExpositionSettings(Section):
    """Series of each target, where its profile's own limits do not fit."""

    top: int | None = Field(
        default=None, ge=1, description="Tables, indexes, statements with own series."
    )
    max_series_per_family: int | None = Field(
        default=None, ge=1, description="Hard cap of each metric family."
    )
    max_series_per_target: int | None = Field(
        default=None, ge=1, description="Hard cap of each target."
    )
    legacy_names: bool = Field(
        default=False,
        description="Export postgres_exporter's names as well; text format only.",
    )

    def limits(self, profile: Profile) -> SeriesLimits:
        """Return the limits of a profile with what is set here."""
        given = {
            "places": self.top,
            "per_family": self.max_series_per_family,
            "per_target": self.max_series_per_target,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return replace(LIMITS[profile], **changes)


class GovernorSettings(Section):
    """How much of a server's time watching may take."""

    budget: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="Own execution time per second; intervals stretch beyond it.",
    )


class TimeoutSettings(Section):
    """Bounds on everything that waits for a server."""

    connect: PositiveDuration = Field(
        default=timedelta(seconds=3), description="How long connecting may take."
    )
    statement: PositiveDuration = Field(
        default=timedelta(seconds=10), description="How long one statement may take."
    )
    lock: PositiveDuration = Field(
        default=timedelta(milliseconds=100),
        description="How long a statement may wait for a lock.",
    )
    grace: PositiveDuration = Field(
        default=timedelta(milliseconds=500),
        description="How long a cancelled statement has to end.",
    )

    def to_limits(self) -> Limits:
        """Return the values that sessions work with."""
        return Limits(**{name: getattr(self, name) for name in type(self).model_fields})
