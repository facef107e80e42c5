"""Targets from files and URLs, with a real disk and a real HTTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.errors import ConfigError
from monitor.model.target import Target
from monitor.runtime.clock import Clock
from monitor.runtime.discovery import Discovery, HttpSource, Sources


def make(address: str, labels: Mapping[str, str]) -> Target:
    if address == "bad":
        raise ConfigError("a discovered target is bad")
    return Target(name=address, labels=labels)


def discovery(sources: Sources, clock: Clock | None = None) -> Discovery:
    return Discovery(sources, make, clock or Clock())


def write(path: Path, *addresses: str) -> None:
    """Replace a file as a careful tool does, so that its stamp surely differs."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps([{"targets": addresses, "labels": {"team": "x"}}]))
    new.replace(path)


def names(targets: tuple[Target, ...]) -> set[str]:
    return {target.name for target in targets}


async def test_targets_of_matching_files_join_those_of_the_settings(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.json", "db1", "db2")
    write(tmp_path / "b.json", "db3")
    fixed = (Target(name="fixed"),)
    found = discovery(Sources(fixed=fixed, files=(f"{tmp_path}/*.json",)))

    targets = await found.look()

    assert {"fixed", "db1", "db2", "db3"} == names(targets)
    assert targets[1].labels == {"team": "x"}
    assert found.problems == {}


async def test_a_rewritten_file_changes_the_targets(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, "db1", "db2")
    found = discovery(Sources(files=(str(path),)))
    before = await found.look()
    write(path, "db2", "db3")

    after = await found.look()

    assert {"db2", "db3"} == names(after)
    assert before[1] == after[0]


async def test_a_broken_file_keeps_its_targets_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, "db1")
    found = discovery(Sources(files=(str(path),)))
    await found.look()
    path.write_text("[{")

    targets = await found.look()

    assert {"db1"} == names(targets)
    assert {str(path): "the list is not valid JSON"} == found.problems


async def test_a_mended_file_is_no_longer_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[{")
    found = discovery(Sources(files=(str(path),)))
    await found.look()
    write(path, "db1")

    targets = await found.look()

    assert ({"db1"}, {}) == (names(targets), found.problems)


async def test_a_removed_file_takes_its_targets_along(tmp_path: Path) -> None:
    pattern = f"{tmp_path}/*.json"
    write(tmp_path / "a.json", "db1")
    found = discovery(Sources(files=(pattern,)))
    await found.look()
    (tmp_path / "a.json").unlink()

    targets = await found.look()

    assert targets == ()
    assert {pattern: "no file matches this pattern"} == found.problems


async def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.mkdir()
    found = discovery(Sources(files=(str(path),)))

    await found.look()

    assert "could not read the file" in found.problems[str(path)]


async def test_one_bad_address_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, "bad", "db1")
    found = discovery(Sources(files=(str(path),)))

    targets = await found.look()

    assert {"db1"} == names(targets)
    assert {str(path): "a discovered target is bad"} == found.problems


async def test_a_name_of_the_settings_wins_and_the_clash_is_reported(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    write(path, "db1")
    fixed = Target(name="db1", profile="minimal")
    found = discovery(Sources(fixed=(fixed,), files=(str(path),)))

    targets = await found.look()

    assert (fixed,) == targets
    assert found.problems[str(path)] == 'another target is named "db1", too'


@dataclass
class Service:
    """A small http_sd server whose answer a test can change."""

    url: str = ""
    answer: bytes = b"[]"
    status: int = 200
    seen: list[str] = field(default_factory=list[str])

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request.headers.get("Authorization", ""))
        headers = {"Location": "/other"} if self.status == 302 else None
        return web.Response(body=self.answer, status=self.status, headers=headers)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_get("/{tail:.*}", service.handle)
    async with TestServer(app) as server:
        service.url = str(server.make_url("/targets"))
        yield service


async def test_targets_come_from_a_url(service: Service) -> None:
    service.answer = b'[{"targets": ["db1"], "labels": {}}]'

    targets = await discovery(Sources(urls=(HttpSource(url=service.url),))).look()

    assert {"db1"} == names(targets)


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (500, b"", "the answer was HTTP 500"),
        (302, b"", "the answer was HTTP 302"),
        (200, b"<html>", "the list is"),
        (200, b" " * (11 * 1024 * 1024), "the list is larger than"),
    ],
)
async def test_a_bad_answer_keeps_the_targets_and_is_reported(
    service: Service, status: int, answer: bytes, expected: str
) -> None:
    service.answer = b'[{"targets": ["db1"]}]'
    found = discovery(Sources(urls=(HttpSource(url=service.url),)))
    await found.look()
    service.status, service.answer = status, answer

    targets = await found.look()

    assert {"db1"} == names(targets)
    assert found.problems[service.url].startswith(expected)


async def test_nobody_listening_is_reported() -> None:
    source = HttpSource(url="http://127.0.0.1:9/")
    found = discovery(Sources(urls=(source,)))

    await found.look()

    assert "could not fetch the list" in found.problems[source.url]


async def test_credentials_are_read_anew_at_each_fetch(
    service: Service, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    source = HttpSource(url=service.url, token_file=str(token))
    password = tmp_path / "password"
    password.write_text("secret\n")
    basic = replace(source, token_file=None, username="u", password_file=str(password))
    found = discovery(Sources(urls=(source,)))
    await found.look()
    token.write_text("two\n")

    await found.look()
    await discovery(Sources(urls=(basic,))).look()

    assert service.seen == ["Bearer one", "Bearer two", "Basic dTpzZWNyZXQ="]


async def test_changes_are_handed_over_as_they_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write(path, "db1")
    adopted: asyncio.Queue[set[str]] = asyncio.Queue()

    async def adopt(targets: tuple[Target, ...]) -> None:
        await adopted.put(names(targets))

    async def sleep(_seconds: float) -> None:
        await asyncio.sleep(0.001)

    found = discovery(Sources(files=(str(path),)), Clock(sleep=sleep))
    await found.look()
    running = asyncio.create_task(found.run(adopt))
    write(path, "db1", "db2")

    change = await asyncio.wait_for(adopted.get(), 10)
    running.cancel()
    await asyncio.wait({running})

    assert {"db1", "db2"} == change
    assert adopted.empty()


async def test_a_successor_keeps_what_a_source_gave_that_is_away_now(
    tmp_path: Path, service: Service
) -> None:
    path = tmp_path / "a.json"
    write(path, "file1")
    service.answer = b'[{"targets": ["db1"]}]'
    sources = Sources(files=(str(path),), urls=(HttpSource(url=service.url),))
    former = discovery(sources)
    before = await former.look()
    path.write_text("[{")
    service.status = 503
    found = discovery(sources)

    found.succeed(former)
    after = await found.look()

    assert {"file1", "db1"} == names(before) == names(after)
    assert set(found.problems) == {str(path), service.url}


async def test_a_successor_forgets_sources_that_are_not_its_own(
    tmp_path: Path, service: Service
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    write(old, "db1")
    write(new, "db2")
    service.answer = b'[{"targets": ["db3"]}]'
    former = discovery(Sources(files=(str(old),), urls=(HttpSource(url=service.url),)))
    await former.look()
    found = discovery(Sources(files=(str(new),)))

    found.succeed(former)

    assert {"db2"} == names(await found.look())
