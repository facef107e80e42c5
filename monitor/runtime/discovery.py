"""Finds targets in files and at URLs, again and again, without a restart.

A source that breaks keeps the targets it last gave and is reported; a file that
is removed takes its targets with it. No source waits for another.
"""

from __future__ import annotations

import asyncio
import base64
import glob
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp
import structlog

from monitor.errors import ConfigError
from monitor.model.target import Target
from monitor.runtime.clock import Clock
from monitor.runtime.sd_format import MOST_BYTES, Group, parse

log = structlog.get_logger()

MOST_SECONDS_TO_FETCH = 10.0
_NO_FILE = "no file matches this pattern"
_OK = 200

MakeTarget = Callable[[str, Mapping[str, str]], Target]
"""Address and labels to a target; raises ConfigError for what cannot be one."""

Found = tuple[Group, ...] | str
"""What a source lists, or a sentence about why that is not known."""

Adopt = Callable[[tuple[Target, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    """A URL in http_sd form; its secrets are read from their files at each fetch."""

    url: str
    refresh: timedelta = timedelta(seconds=30)
    username: str | None = None
    password_file: str | None = None
    token_file: str | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers of a request; blocks on the disk."""
        headers = {"Accept": "application/json"}
        if self.token_file is not None:
            token = Path(self.token_file).read_text().strip()
            headers["Authorization"] = f"Bearer {token}"
        elif self.username is not None and self.password_file is not None:
            password = Path(self.password_file).read_text().rstrip("\n")
            pair = base64.b64encode(f"{self.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where targets come from; `fixed` are those that settings name."""

    fixed: tuple[Target, ...] = ()
    files: tuple[str, ...] = ()
    files_refresh: timedelta = timedelta(seconds=5)
    urls: tuple[HttpSource, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetChange:
    """How one set of targets differs from another, by equality of targets."""

    added: tuple[Target, ...]
    removed: tuple[Target, ...]
    unchanged: tuple[Target, ...]


def compare(before: Iterable[Target], after: Iterable[Target]) -> TargetChange:
    """Return what came, what went and what stayed exactly as it was.

    A target whose definition changed is in both `removed` and `added`.
    """
    old = {target.name: target for target in before}
    new = {target.name: target for target in after}
    return TargetChange(
        added=tuple(t for name, t in new.items() if old.get(name) != t),
        removed=tuple(t for name, t in old.items() if new.get(name) != t),
        unchanged=tuple(t for name, t in new.items() if old.get(name) == t),
    )


class Discovery:
    """The targets of all sources together.

    A name that settings give wins over a discovered one; among discovered ones
    the first source by name wins. `problems` says what is wrong, by source.
    """

    def __init__(self, sources: Sources, make: MakeTarget, clock: Clock) -> None:
        self.problems: Mapping[str, str] = {}
        self._sources = sources
        self._make = make
        self._clock = clock
        self._broken: dict[str, str] = {}
        self._adopting = asyncio.Lock()
        self._groups: dict[str, tuple[Group, ...]] = {}
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._targets = sources.fixed

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return all targets as of the last look."""
        return self._targets

    def succeed(self, former: Discovery) -> None:
        """Begin with what another one found in the sources that are ours, too."""
        urls = {source.url for source in self._sources.urls}
        ours = urls | former._stamps.keys()
        self._groups = {o: g for o, g in former._groups.items() if o in ours}
        self._broken = {o: b for o, b in former._broken.items() if o in ours}
        self._stamps = dict(former._stamps)

    async def look(self) -> tuple[Target, ...]:
        """Look at every source once, all at the same time, and return all targets."""
        await asyncio.gather(
            self._look_at_files(), *map(self._look_at_url, self._sources.urls)
        )
        return self._combine()

    async def run(self, adopt: Adopt) -> None:
        """Look at every source at its own interval; hand over each new set."""
        async with asyncio.TaskGroup() as group:
            if self._sources.files:
                look = self._look_at_files
                pause = self._sources.files_refresh
                group.create_task(self._repeat(look, pause, adopt))
            for source in self._sources.urls:
                look = partial(self._look_at_url, source)
                group.create_task(self._repeat(look, source.refresh, adopt))

    async def _repeat(
        self, look: Callable[[], Awaitable[None]], pause: timedelta, adopt: Adopt
    ) -> None:
        while True:
            await self._clock.sleep(pause.total_seconds())
            await look()
            before = self._targets
            if self._combine() != before:
                async with self._adopting:
                    await adopt(self._targets)

    async def _look_at_files(self) -> None:
        patterns = self._sources.files
        seen = await asyncio.to_thread(_scan, patterns, dict(self._stamps))
        for pattern in patterns:
            self._broken[pattern] = "" if pattern in seen.matched else _NO_FILE
        for path in self._stamps.keys() - seen.stamps.keys():
            self._groups.pop(path, None)
            self._broken.pop(path, None)
        self._stamps = seen.stamps
        for path, found in seen.changed.items():
            self._take(path, found)

    async def _look_at_url(self, source: HttpSource) -> None:
        self._take(source.url, await _fetch(source))

    def _take(self, origin: str, found: Found) -> None:
        """Take over a source's list, or the sentence why there is none."""
        self._broken[origin] = found if isinstance(found, str) else ""
        if not isinstance(found, str):
            self._groups[origin] = found

    def _combine(self) -> tuple[Target, ...]:
        chosen = {target.name: target for target in self._sources.fixed}
        found = dict(self._broken)
        for origin in sorted(self._groups):
            refused: list[str] = []
            for target in self._made(origin, refused):
                if target.name in chosen:
                    refused.append(f'another target is named "{target.name}", too')
                chosen.setdefault(target.name, target)
            found[origin] = found.get(origin) or "; ".join(dict.fromkeys(refused))
        self._report({origin: problem for origin, problem in found.items() if problem})
        self._targets = tuple(chosen.values())
        return self._targets

    def _made(self, origin: str, refused: list[str]) -> Iterator[Target]:
        for group in self._groups[origin]:
            for address in group.addresses:
                try:
                    yield self._make(address, group.labels)
                except ConfigError as error:
                    refused.append(error.message)

    def _report(self, found: dict[str, str]) -> None:
        """Log a problem when it begins and when it ends."""
        for origin, problem in found.items():
            if self.problems.get(origin) != problem:
                log.warning("discovery_failed", source=origin, error=problem)
        for origin in self.problems.keys() - found.keys():
            log.info("discovery_recovered", source=origin)
        self.problems = found


@dataclass(slots=True)
class _Seen:
    matched: set[str]
    stamps: dict[str, tuple[int, int, int]]
    changed: dict[str, Found]


def _scan(patterns: Iterable[str], before: Mapping[str, tuple[int, int, int]]) -> _Seen:
    """Return the files that match and the contents of those that changed."""
    seen = _Seen(set(), {}, {})
    for pattern in patterns:
        for name in sorted(glob.glob(pattern)):  # noqa: PTH207 - patterns are absolute
            try:
                status = Path(name).stat()
            except OSError:
                continue
            seen.matched.add(pattern)
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            seen.stamps[name] = stamp
            if before.get(name) != stamp:
                seen.changed[name] = _read(Path(name))
    return seen


def _read(path: Path) -> Found:
    is_yaml = path.suffix in {".yaml", ".yml"}
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1), is_yaml=is_yaml)
    except ConfigError as error:
        return error.message
    except OSError as error:
        return f"could not read the file: {error.strerror or 'I/O error'}"


async def _fetch(source: HttpSource) -> Found:
    """Return the list at a URL, or a sentence about why there is none."""
    try:
        async with asyncio.timeout(MOST_SECONDS_TO_FETCH):
            headers = await asyncio.to_thread(source.headers)
            async with (
                aiohttp.ClientSession() as session,
                # Another host must not get our credentials, nor name our targets.
                session.get(source.url, headers=headers, allow_redirects=False) as got,
            ):
                if got.status != _OK:
                    return f"the answer was HTTP {got.status}"
                body = await _body(got)
            return await asyncio.to_thread(parse, body)
    except ConfigError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {MOST_SECONDS_TO_FETCH:g} s"
    except aiohttp.ClientError as error:
        # Their texts repeat URLs and headers.
        return f"could not fetch the list: {type(error).__name__}"
    except (OSError, UnicodeError):
        return "could not read the file with the password or token"


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            break
    return bytes(body)
