"""Receivers that are told directly, as the settings name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.notifiers.webhook import WebhookNotifier
from monitor.settings.receivers import notifiers
from monitor.settings.root import Settings
from tests.unit.factories import NOW

URL = "https://hooks.slack.example/services/S3CRET"


def settings(*webhooks: dict[str, Any]) -> Settings:
    return Settings.model_validate({"alerting": {"webhooks": list(webhooks)}})


def test_a_receiver_is_made_of_each() -> None:
    made = notifiers(
        settings({"name": "chat", "kind": "slack", "url": URL}, {"url": URL}),
        lambda: NOW,
    )

    keys = [one.key for one in made if isinstance(one, WebhookNotifier)]
    assert keys == ["slack:chat", "webhook:webhook"]


def test_the_url_may_stand_in_a_file_and_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "url"
    (webhook,) = settings({"url_file": str(file)}).alerting.webhooks
    file.write_text(URL + "\n")

    first = webhook.read_url()
    file.write_text("nonsense")

    assert first == URL
    with pytest.raises(ValueError, match="not a URL"):
        webhook.read_url()


NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("webhooks", "message"),
    [
        ([NOTHING], "needs url or url_file"),
        ([{"url": URL, "url_file": "x"}], "needs url or url_file"),
        ([{"url": "S3CRET"}], "neither http nor https"),
        ([{"url": URL}, {"url": URL}], "two webhooks of the same name"),
        ([{"url": URL, "kind": "mail"}], "kind"),
        ([{"url": URL, "name": "a b"}], "name"),
    ],
)
def test_what_cannot_be_a_receiver_is_refused_without_its_url(
    webhooks: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(*webhooks)

    assert message in str(refused.value)
    assert "S3CRET" not in str(refused.value)
