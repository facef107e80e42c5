"""Settings of alerts and of the services they are sent to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)

from monitor.alerting.machine import AlertPolicy
from monitor.model.finding import Severity
from monitor.runtime.discovery import HttpSource
from monitor.runtime.rules import discover
from monitor.settings.suggest import did_you_mean
from monitor.settings.values import (
    Duration,
    Items,
    PositiveDuration,
    Section,
    Url,
    as_mapping,
    parse_table,
    problem,
    yaml_off,
)

_HTTP = re.compile(r"https?://[^\s/]+\S*")


class EndpointSettings(Section):
    """A URL of someone else's, with what it takes to be let in."""

    url: Url = Field(description="Where it listens, http or https.")
    username: str | None = Field(default=None, description="User of basic auth.")
    password_file: str | None = Field(
        default=None, description="File with that user's password."
    )
    token_file: str | None = Field(
        default=None, description="File with a bearer token, read each time."
    )

    @model_validator(mode="after")
    def _check_authentication(self) -> Self:
        if self.token_file is not None and self.username is not None:
            raise problem("has both username and token_file; give one")
        if (self.username is None) != (self.password_file is None):
            raise problem("needs username and password_file together")
        return self

    def headers(self) -> dict[str, str]:
        """Return the headers of a request, with the secrets as they are now.

        Raises:
            OSError: a secret's file cannot be read.
        """
        return self.to_source().headers()

    def to_source(self) -> HttpSource:
        """Return the value the runtime works with."""
        return HttpSource(
            url=self.url,
            username=self.username,
            password_file=self.password_file,
            token_file=self.token_file,
        )


class AlertmanagerSettings(EndpointSettings):
    """One Alertmanager to tell."""

    timeout: PositiveDuration = Field(
        default=timedelta(seconds=5), description="How long one delivery may take."
    )


class WebhookSettings(Section):
    """A receiver that is told directly, without Alertmanager."""

    name: str = Field(
        default="webhook",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="What it is called in logs and metrics; its URL may be a secret.",
    )
    kind: Literal["webhook", "slack"] = Field(
        default="webhook",
        description="webhook takes Alertmanager's webhook body, slack a message.",
    )
    url: SecretStr | None = Field(default=None, description="Where to post.")
    url_file: str | None = Field(
        default=None, description="File with the URL, read each time."
    )
    token_file: str | None = Field(
        default=None, description="File with a bearer token, read each time."
    )
    timeout: PositiveDuration = Field(
        default=timedelta(seconds=10), description="How long one delivery may take."
    )

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise problem("needs url or url_file, one of them")
        if self.url is not None and not _HTTP.fullmatch(self.url.get_secret_value()):
            raise problem("has a url that is neither http nor https")
        return self

    def read_url(self) -> str:
        """Return the URL as it is now.

        Raises:
            OSError: its file cannot be read.
            ValueError: what is in it is none.
        """
        if self.url is not None:
            return self.url.get_secret_value()
        text = Path(self.url_file or "").read_text().strip()
        if not _HTTP.fullmatch(text):
            raise ValueError("not a URL")
        return text

    def headers(self) -> dict[str, str]:
        """Return the headers of a request, with the secret as it is now.

        Raises:
            OSError: the token's file cannot be read.
        """
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {Path(self.token_file).read_text().strip()}"}


class HttpSdSettings(EndpointSettings):
    """A URL that lists targets in Prometheus's http_sd form."""

    refresh: PositiveDuration = Field(
        default=timedelta(seconds=30), description="How often the list is fetched."
    )

    def to_source(self) -> HttpSource:
        """Return the value the runtime works with."""
        return replace(super().to_source(), refresh=self.refresh)


class HoldSettings(Section):
    """How long a finding lasts before it fires; null never fires."""

    critical: Duration | None = Field(
        default=timedelta(0),
        description="How long a critical finding lasts before it fires; null never.",
    )
    warning: Duration | None = Field(
        default=timedelta(minutes=5), description="The same for warnings."
    )
    info: Duration | None = Field(default=None, description="The same for information.")

    def by_severity(self) -> dict[Severity, timedelta]:
        """Return the severities that fire at all."""
        pairs = {severity: getattr(self, severity.value) for severity in Severity}
        return {severity: hold for severity, hold in pairs.items() if hold is not None}


def _known_checks(value: object) -> object:
    holds = parse_table(value)
    for check in as_mapping(holds) or ():
        if check not in discover():
            hint = did_you_mean(str(check), discover())
            raise problem("names a check that does not exist", hint)
    return holds


class AlertingSettings(Section):
    """Who turns findings into alerts, and where they go."""

    owner: Annotated[
        Literal["daemon", "prometheus", "off"], BeforeValidator(yaml_off)
    ] = Field(
        default="daemon",
        description="daemon sends alerts itself; prometheus leaves it to rule files.",
    )
    alertmanagers: Annotated[tuple[AlertmanagerSettings, ...], Items] = ()
    webhooks: Annotated[tuple[WebhookSettings, ...], Items] = ()
    watchdog: bool = Field(
        default=True,
        description="Send PgvigilWatchdog, whose absence is the alarm, all the time.",
    )
    hold: HoldSettings = HoldSettings()
    hold_by_check: Annotated[dict[str, Duration], BeforeValidator(_known_checks)] = (
        Field(default={}, description="How long for single checks, whatever severity.")
    )
    resend: PositiveDuration = Field(
        default=timedelta(seconds=30),
        description="How often firing and freshly resolved alerts are sent again.",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [webhook.name for webhook in self.webhooks]
        if len(set(names)) != len(names):
            raise problem("has two webhooks of the same name")
        return self

    def policy(self, external_url: str | None) -> AlertPolicy:
        """Return what becomes an alert, and after how long."""
        return AlertPolicy(
            hold=self.hold.by_severity(),
            hold_by_check=self.hold_by_check,
            external_url=external_url or "",
        )
