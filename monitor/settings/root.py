"""All settings of the daemon, as one frozen value."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from monitor.model.target import Target
from monitor.runtime.discovery import Sources
from monitor.settings.alerting import AlertingSettings, HttpSdSettings
from monitor.settings.composed import ThresholdOverrides, check_levels
from monitor.settings.discovered import discovered_target
from monitor.settings.maintenance import MaintenanceSettings
from monitor.settings.sections import (
    ExpositionSettings,
    GovernorSettings,
    HttpSettings,
    LoggingSettings,
    TimeoutSettings,
)
from monitor.settings.targets import TargetOptions, TargetSettings
from monitor.settings.values import (
    Items,
    Names,
    PositiveDuration,
    problem,
    refuse_unknown,
)

_LONGEST_INSTANCE = 40


def _check_instance(instance: str) -> str:
    # It is part of application_name, which PostgreSQL cuts at 63 bytes.
    fits = len(instance) <= _LONGEST_INSTANCE
    if not (fits and instance.isascii() and instance.isprintable()):
        raise problem(f"must be at most {_LONGEST_INSTANCE} printable ASCII characters")
    return instance


class Settings(BaseSettings):
    """Everything an operator may set; the defaults watch one server and change nothing.

    Build it with `monitor.settings.load`, which lays the sources over one another.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    targets: Annotated[tuple[TargetSettings, ...], Items] = Field(
        default=(), description="Servers to watch; none at all means libpq's own."
    )
    target_files: Names = Field(
        default=(), description="Patterns of files in Prometheus's file_sd form."
    )
    target_files_refresh: PositiveDuration = Field(
        default=timedelta(seconds=5), description="How often those files are looked at."
    )
    http_sd: Annotated[tuple[HttpSdSettings, ...], Items] = Field(
        default=(), description="URLs that list targets in http_sd form."
    )
    target_defaults: TargetOptions = Field(
        default=TargetOptions(),
        description="What discovered targets share: user, password_file, labels, …",
    )
    thresholds: ThresholdOverrides = Field(
        default_factory=ThresholdOverrides,
        description="Thresholds of checks that differ from their defaults.",
    )
    check_interval: PositiveDuration = Field(
        default=timedelta(minutes=5), description="The time that rates are judged over."
    )
    maintenance: MaintenanceSettings = MaintenanceSettings()
    alerting: AlertingSettings = AlertingSettings()
    http: HttpSettings = HttpSettings()
    logging: LoggingSettings = LoggingSettings()
    exposition: ExpositionSettings = ExpositionSettings()
    governor: GovernorSettings = GovernorSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    state_dir: str = Field(default="", description="Folder of the state file.")
    metrics_dir: str | None = Field(
        default=None, description="Folder with metric queries of your own."
    )
    instance: Annotated[str, AfterValidator(_check_instance)] = Field(
        default_factory=lambda: socket.gethostname()[:_LONGEST_INSTANCE],
        description="Names this copy of the daemon in application_name.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class's interface
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` merged; see `monitor.settings.sources` for why."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, given: object) -> object:
        return refuse_unknown(given, tuple(cls.model_fields))

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise problem("two targets have the same name")
        for target in self.targets:
            for check, values in target.thresholds.items():
                check_levels(check, {**self.thresholds.get(check, {}), **values})
        return self

    @property
    def is_discovering(self) -> bool:
        """Say whether targets come from files or URLs, too."""
        return bool(self.target_files or self.http_sd)

    def to_targets(self) -> tuple[Target, ...]:
        """Return the targets named in the settings.

        With none there, and none to discover, it is the server that libpq's
        environment points at, named "default".
        """
        configured = self.targets
        if not configured and not self.is_discovering:
            configured = (TargetSettings(**self.target_defaults.given()),)
        return tuple(target.to_target() for target in configured)

    def to_sources(self) -> Sources:
        """Return where targets come from, for `monitor.runtime.discovery`."""
        return Sources(
            fixed=self.to_targets(),
            files=self.target_files,
            files_refresh=self.target_files_refresh,
            urls=tuple(source.to_source() for source in self.http_sd),
        )

    def make_discovered(self, address: str, labels: Mapping[str, str]) -> Target:
        """Return the target for a discovered address.

        Raises:
            ConfigError: it cannot be one.
        """
        return discovered_target(self.target_defaults, address, labels)
