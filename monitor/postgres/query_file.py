"""Reads one query file: header tags, column comments, placeholders.

The first comment line is the title, the header's other lines explain cost and
cure, tags set what differs from the defaults:

    -- WAL archiver progress, one row per server.
    -- @interval 60s
    select
        archived_count as archived_wal_total  -- WAL files archived.
    from pg_catalog.pg_stat_archiver

A column's comment is its HELP. Placeholders are psql's own, so that `psql -f`
runs every file: `:"pg_stat_statements"` is the schema of that extension
(`psql -v pg_stat_statements=public`), `:'oids'` a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from monitor.errors import ConfigError
from monitor.model.finding import Severity
from monitor.model.target import Intervals

Scope = Literal["server", "database"]
Role = Literal["", "primary", "standby"]
Lane = Literal["poll", "side"]

TAGS = (
    "interval",
    "scope",
    "role",
    "requires",
    "timeout",
    "max_series",
    "lane",
    "severity",
    "category",
    "splinter",
    "lock",
    "risk",
)
EXTENSION_SCHEMA = re.compile(r'(?<!:):"(\w+)"')
PARAMETER = re.compile(r"(?<!:):'([a-z_]\w*)'")

_TAG = re.compile(r"@(\w+)\s*(.*)")
_DURATION = re.compile(r"(\d+)\s*(ms|s|min|m|h)")
_UNITS = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600}
_COLUMN = re.compile(
    r"""(?:.*\bas\s+|\s*(?:"?\w+"?\.)*)  # an alias, or nothing but a column's name
        "?(?P<name>\w+)"?\s*,?\s*--\s*(?P<help>.+)""",
    re.VERBOSE | re.IGNORECASE,
)
_SEVERITIES = ("warning", "critical", "info")
_CADENCES = tuple(f.name for f in fields(Intervals))


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFile:
    """What one file says; `text` still holds its placeholders.

    `cadence` names the field of `Intervals` that `interval` came from, empty
    for a fixed one. `role` is empty for a query that runs everywhere. `severity`
    and `category` are a lint's, as are `splinter`, the name under which Supabase's
    advisors know it, and `lock` and `risk` of its remedy.
    """

    path: Path
    text: str
    title: str
    page: str
    interval: timedelta = timedelta(seconds=60)
    cadence: str = ""
    scope: Scope = "server"
    role: Role = ""
    requires: tuple[str, ...] = ()
    timeout: timedelta = timedelta(seconds=5)
    max_series: int = 1000
    lane: Lane = "poll"
    severity: Severity = Severity.WARNING
    category: str = ""
    splinter: str = ""
    lock: str = ""
    risk: str = ""
    help: Mapping[str, str] = field(default_factory=dict[str, str])


def read(path: Path) -> QueryFile:
    """Return what a query file says.

    Raises:
        ConfigError: the file cannot be read or is not a query file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'could not read "{path}"', detail=str(error)) from error
    return parse(text, path)


def parse(text: str, path: Path) -> QueryFile:
    """Return what the text of a query file says; `path` is for messages.

    Raises:
        ConfigError: a tag, a value or a column is wrong; names file and line.
    """
    lines = text.splitlines()
    header = _header(lines)
    if len(header) == len(lines):
        raise _wrong(path, len(lines), "there is no statement")
    tags, prose = _split(header, path)
    return QueryFile(
        path=path,
        text=text.rstrip().rstrip(";"),
        title=(prose[0] if prose else path.stem).rstrip("."),
        page="\n".join(prose),
        interval=_interval(tags, path),
        cadence=_cadence(tags),
        scope=cast("Scope", _word(tags, "scope", ("server", "database"), path)),
        role=cast("Role", _word(tags, "role", ("", "primary", "standby"), path)),
        requires=_requires(tags),
        timeout=_duration(tags, "timeout", "5s", path),
        max_series=_number(tags, "max_series", 1000, path),
        lane=cast("Lane", _word(tags, "lane", ("poll", "side"), path)),
        severity=Severity(_word(tags, "severity", _SEVERITIES, path)),
        category=_text(tags, "category"),
        splinter=_text(tags, "splinter"),
        lock=_text(tags, "lock"),
        risk=_text(tags, "risk"),
        help=_help(lines, len(header), path),
    )


_Tags = Mapping[str, tuple[int, str]]


def _header(lines: Iterable[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.strip() and not line.startswith("--"):
            break
        found.append(line)
    return found


def _split(header: Iterable[str], path: Path) -> tuple[_Tags, list[str]]:
    tags: dict[str, tuple[int, str]] = {}
    prose: list[str] = []
    for number, line in enumerate(header, start=1):
        content = line.removeprefix("--").strip()
        match = _TAG.fullmatch(content)
        if match is None:
            prose.append(content)
        elif match[1] not in TAGS:
            raise _wrong(path, number, f'unknown tag "@{match[1]}"')
        elif match[1] in tags:
            raise _wrong(path, number, f'tag "@{match[1]}" is given twice')
        else:
            tags[match[1]] = (number, match[2].strip())
    return tags, [*filter(None, prose)]


def _wrong(path: Path, line: int, reason: str) -> ConfigError:
    return ConfigError(
        f"{path}:{line}: {reason}",
        hint=f"Tags are {', '.join('@' + tag for tag in TAGS)}.",
    )


def _interval(tags: _Tags, path: Path) -> timedelta:
    cadence = _cadence(tags)
    if cadence:
        return cast("timedelta", getattr(Intervals(), cadence))
    return _duration(tags, "interval", "60s", path)


def _cadence(tags: _Tags) -> str:
    value = _text(tags, "interval")
    return value if value in _CADENCES else ""


def _duration(tags: _Tags, name: str, default: str, path: Path) -> timedelta:
    line, value = tags.get(name, (0, default))
    match = _DURATION.fullmatch(value)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0
    if seconds <= 0:
        raise _wrong(path, line, f'"{value}" is not a duration such as 500ms, 60s, 5m')
    return timedelta(seconds=seconds)


def _number(tags: _Tags, name: str, default: int, path: Path) -> int:
    line, value = tags.get(name, (0, str(default)))
    if not value.isdecimal() or int(value) == 0:
        raise _wrong(path, line, f'"{value}" is not a whole number above 0')
    return int(value)


def _word(tags: _Tags, name: str, allowed: tuple[str, ...], path: Path) -> str:
    """Return a tag's value; the first allowed word is the default."""
    line, value = tags.get(name, (0, allowed[0]))
    if value not in allowed or (line and not value):
        choices = ", ".join(filter(None, allowed))
        raise _wrong(path, line, f'"@{name}" is one of {choices}, not "{value}"')
    return value


def _text(tags: _Tags, name: str) -> str:
    return tags.get(name, (0, ""))[1]


def _requires(tags: _Tags) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w-]+", _text(tags, "requires")))


def _help(lines: list[str], header: int, path: Path) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(lines[header:], start=header + 1):
        match = _COLUMN.fullmatch(line)
        if match is None:
            continue
        if match["name"] in found:
            raise _wrong(path, number, f'column "{match["name"]}" is described twice')
        found[match["name"]] = match["help"].strip()
    return found
