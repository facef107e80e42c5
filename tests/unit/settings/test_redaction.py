"""What `config show` shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from monitor.settings import load, redacted
from monitor.settings.values import format_duration, parse_duration, parse_size

CANARY = "hunter2"


def shown(**overrides: object) -> dict[str, Any]:
    return redacted(load(None, {"STATE_DIRECTORY": "/nowhere"}, overrides))


def test_secrets_are_replaced_and_the_rest_is_shown() -> None:
    first = {
        "name": "a",
        "dsn": f"postgresql://u:{CANARY}@h/app?sslpassword={CANARY}",
        "pgbouncer_dsn": f"host=p password={CANARY}",
    }
    second = {
        "name": "b",
        "libpq": {"host": "h2", "password": CANARY},
        "password_command": ["vault", "--token", CANARY],
    }
    found = shown(targets=[first, second], http={"token": CANARY})

    text = json.dumps(found)

    assert CANARY not in text
    assert "host=h" in found["targets"][0]["dsn"]
    assert "dbname=app" in found["targets"][0]["dsn"]
    assert found["targets"][1]["libpq"]["host"] == "h2"
    assert found["targets"][1]["password_command"][0] == "vault"


def test_what_is_shown_is_a_valid_settings_file() -> None:
    found = shown(check_interval="1m30s", thresholds={"cache_hit": {"warning": 91}})

    again = load(None, {}, yaml.safe_load(yaml.safe_dump(found)))

    assert found == redacted(again)
    assert found["check_interval"] == "1m30s"


@pytest.mark.parametrize("text", ["0s", "1ms", "1m30s", "1d2h", "365d"])
def test_durations_are_shown_as_they_are_written(text: str) -> None:
    parsed: Any = parse_duration(text)

    assert text == format_duration(parsed)


@pytest.mark.parametrize(
    ("text", "expected"), [("10MB", 10 << 20), ("512 kb", 512 << 10), ("7", 7)]
)
def test_sizes_are_written_as_in_postgresql_conf(text: str, expected: int) -> None:
    assert expected == parse_size(text)
