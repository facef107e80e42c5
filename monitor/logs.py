"""Logging: one line for each event on standard error, and no secret in any of them.

Values come from servers, files and the network. Control characters in them are
escaped, so nobody can forge a line; what looks like a credential is replaced,
wherever it stands, exceptions included. Tracebacks never show local variables.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]

HIDDEN = "***"
_FRAMES = 12
_CAUSES = 12
_MEMBERS = 3
_LONGEST = 10_000

_SECRET_KEY = re.compile(
    r"passw(?:or)?d|secret|token|dsn|conninfo|credential|authorization", re.IGNORECASE
)
_QUOTED = r"'(?:[^'\\]|\\.|'')*'?|\"(?:[^\"\\]|\\.)*\"?"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # The last @ ends the credentials: a password may hold one unencoded.
    (re.compile(r"(\w[\w+.-]*://)[^\s\"']*@"), rf"\1{HIDDEN}@"),
    (
        re.compile(
            r"(?i)\b(\w*(?:passw(?:or)?d|secret|token|api_?key|scram_\w+_key)"
            rf"[\"']?\s*(?:[=:]\s*|\s(?=')))(?:{_QUOTED}|[^\s,;&)}}\]]+)"
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
)
# C0, C1, line and paragraph separators, bidirectional controls, lone surrogates.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def configure(
    *, log_format: Format = "auto", level: Level = "info", stream: TextIO | None = None
) -> None:
    """Set up logging of this process, libraries' included."""
    target = stream if stream is not None else sys.stderr
    is_terminal = target.isatty()
    if log_format == "auto":
        log_format = "console" if is_terminal else "json"
    render: Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        colors = is_terminal and not os.environ.get("NO_COLOR")
        render = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            put_exception_on_the_line,
            make_safe,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _take_over_standard_logging(threshold)


def _take_over_standard_logging(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Forwarder()]
    # Libraries chat below warning; a scrape is not worth a line.
    root.setLevel(max(threshold, logging.WARNING))
    logging.captureWarnings(capture=True)


class _Forwarder(logging.Handler):
    """Hands the standard library's log records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            record.levelno,
            "library_message",
            logger=record.name,
            message=record.getMessage(),
            exc_info=record.exc_info,
        )


def put_exception_on_the_line(
    _logger: WrappedLogger, _method: str, event: EventDict
) -> EventDict:
    """Replace `exc_info` by a description that fits on the event's line."""
    given: Any = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given if isinstance(given, BaseException) else None
    if isinstance(given, tuple):
        error = cast("tuple[Any, BaseException | None, TracebackType | None]", given)[1]
    if error is not None:
        event["traceback"] = describe(error)
    return event


def describe(error: BaseException) -> str:
    """Return an exception with its frames and causes in one line, without locals.

    Of a group the first members are described in its place.
    """
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < _CAUSES:
        parts.append(_describe_one(current))
        following = current.__cause__
        if following is None and not current.__suppress_context__:
            following = current.__context__
        current = following
    return " <- ".join(parts)


def _describe_one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " > ".join(f"{_base(f.filename)}:{f.lineno} in {f.name}" for f in frames)
    described = f"{type(error).__name__}: {error} [{where}]"
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        listed = " | ".join(map(describe, group.exceptions[:_MEMBERS]))
        return f"{described} ({listed})"
    return described


def _base(filename: str) -> str:
    return "/".join(filename.rsplit("/", 2)[-2:])


def make_safe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact secrets and escape control characters in all of an event."""
    return {escape(key): _safe(value, key) for key, value in event.items()}


def _safe(value: object, key: str = "") -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _SECRET_KEY.search(key) and not key.endswith(("_file", "_command")):
        return HIDDEN
    if isinstance(value, Mapping):
        table = cast("Mapping[object, object]", value)
        return {escape(str(k)): _safe(v, str(k)) for k, v in table.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_safe(item) for item in cast("list[object]", value)]
    return escape(redact(str(value)))[:_LONGEST]


def redact(text: str) -> str:
    """Return text without what looks like a credential."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def escape(text: str) -> str:
    r"""Return text on one line: control characters become `\n`, `\x1b`, `\u202e`."""
    return _CONTROL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
