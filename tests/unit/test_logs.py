"""Logs: one line for each event, no secrets, nothing forged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from monitor import logs
from monitor.logs import Format, Level

CANARY = "hunter2"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def configured(log_format: Format = "json", level: Level = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(log_format=log_format, level=level, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def only_event(stream: io.StringIO) -> dict[str, Any]:
    (line,) = lines(stream)
    return json.loads(line)


def test_output_that_is_no_terminal_gets_json() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)

    structlog.get_logger().info("cycle_finished", target="orders", rows=3)

    event = only_event(stream)
    assert (
        event["event"],
        event["target"],
        event["rows"],
    ) == ("cycle_finished", "orders", 3)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_control_characters_cannot_forge_a_line(log_format: Format) -> None:
    stream = configured(log_format)

    structlog.get_logger().info("a\nb", name='x\r\n{"event": 1}\x1b[2J\u2028\u202e')

    (line,) = lines(stream)
    assert line.isprintable()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_one_line_with_its_cause(log_format: Format) -> None:
    stream = configured(log_format)

    error = RuntimeError("outer")
    error.__cause__ = ValueError(f"password={CANARY}\nnext")
    structlog.get_logger().error("collector_failed", exc_info=error)

    (line,) = lines(stream)
    assert "RuntimeError: outer [" in line
    assert "<- ValueError: password=***" in line


def test_members_of_an_exception_group_are_described() -> None:
    group = ExceptionGroup("two", [ValueError("first"), KeyError("second")])

    text = logs.describe(group)

    assert "ValueError: first" in text
    assert "KeyError: 'second'" in text


def test_tracebacks_show_no_local_variables() -> None:
    stream = configured()

    def connect(secret: str) -> None:
        raise OSError(len(secret))

    try:
        connect(CANARY)
    except OSError:
        structlog.get_logger().exception("connect_failed")

    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "value",
    [
        f"postgresql://user:{CANARY}@host/db",
        f"postgres://user:p@{CANARY}@host/db",
        f"host=h password={CANARY} dbname=x",
        f"host=h password = 'a {CANARY}' dbname=x",
        f"alter role r password '{CANARY}'",
        f"alter role r encrypted password 'it''s {CANARY}'",
        f'{{"token": "{CANARY}"}}',
        f"{{'sslpassword': '{CANARY}'}}",
        f"Authorization: Bearer {CANARY}{CANARY}",
        f"authorization: Basic {CANARY}{CANARY}==",
        f"https://u:{CANARY}@alertmanager/api",
        f"PGPASSWORD={CANARY} psql",
        ["nested", {"text": f"password={CANARY}"}],
    ],
)
def test_credentials_are_redacted_wherever_they_stand(
    log_format: Format, value: object
) -> None:
    stream = configured(log_format)

    structlog.get_logger().info("event", detail=value)

    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize("key", ["password", "dsn", "conninfo", "http_token"])
def test_fields_that_are_named_as_secrets_are_hidden(key: str) -> None:
    stream = configured()

    structlog.get_logger().info("event", **{key: CANARY})

    assert only_event(stream)[key] == logs.HIDDEN


def test_a_path_to_a_secret_is_no_secret() -> None:
    stream = configured()

    structlog.get_logger().info("event", password_file="/run/secrets/pw")

    assert only_event(stream)["password_file"] == "/run/secrets/pw"


def test_messages_of_libraries_pass_through_the_same_net() -> None:
    stream = configured()

    logging.getLogger("aiohttp.server").warning("a\nb %s", f"password={CANARY}")

    event = only_event(stream)
    assert (
        event["logger"],
        event["message"],
    ) == ("aiohttp.server", "a\\nb password=***")


def test_events_below_the_level_are_not_written() -> None:
    stream = configured(level="warning")

    structlog.get_logger().info("quiet")

    assert not stream.getvalue()
