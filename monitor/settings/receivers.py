"""Makes the notifiers that the settings name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from monitor.model.alert import Told
from monitor.notifiers.alertmanager import AlertmanagerNotifier, AlertmanagerOptions
from monitor.notifiers.messages import slack_body, webhook_body
from monitor.notifiers.notifier import Notifier
from monitor.notifiers.webhook import Body, WebhookNotifier, WebhookOptions
from monitor.settings.alerting import WebhookSettings
from monitor.settings.root import Settings

Remember = Callable[[str], Iterable[Told]]
"""Gives what a receiver was told, and was to be told, when the daemon last ran."""
KeepAll = Callable[[Mapping[str, tuple[Told, ...]]], Awaitable[None]]
"""Keeps that, for the next time."""


def notifiers(
    settings: Settings,
    now: Callable[[], datetime],
    remember: Remember = lambda _: (),
    keep: KeepAll | None = None,
) -> Sequence[Notifier]:
    """Return a notifier for each receiver, whoever is to alert."""
    alerting = settings.alerting
    url = settings.http.external_url or ""
    policy = alerting.policy(url)
    managers = [
        AlertmanagerNotifier(
            AlertmanagerOptions(
                url=str(receiver.url),
                resend=alerting.resend,
                timeout=receiver.timeout,
                headers=receiver.headers,
                generator_url=url,
                hold=policy.hold_of,
            ),
            now=now,
        )
        for receiver in alerting.alertmanagers
    ]
    webhooks = [
        WebhookNotifier(
            options,
            now=now,
            told=remember(options.key),
            keep=keep and partial(_keep, keep, options.key),
        )
        for options in (_options(webhook, url) for webhook in alerting.webhooks)
    ]
    return [*managers, *webhooks]


async def _keep(keep: KeepAll, key: str, told: tuple[Told, ...]) -> None:
    await keep({key: told})


def _options(webhook: WebhookSettings, external_url: str) -> WebhookOptions:
    body: Body = slack_body
    if webhook.kind == "webhook":
        body = partial(webhook_body, external_url=external_url)
    return WebhookOptions(
        name=webhook.name,
        kind=webhook.kind,
        url=webhook.read_url,
        body=body,
        headers=webhook.headers,
        timeout=webhook.timeout,
    )
