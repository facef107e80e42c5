"""`/runbooks/NAME`: the page that each rule carries, as docstring or SQL comment.

The text is also what `pgvigil explain` prints. Alerts about the daemon itself have
no module; their pages lie in `alerts/runbooks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from textwrap import dedent
from typing import Literal

from monitor import resources
from monitor.postgres.queries import Library

_PACKAGES = ("monitor.checks", "monitor.advisor", "monitor.lints")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HEADINGS = {"Ramification": "If ignored", "Cure": "How to fix"}
_LEAD = re.compile(
    r"^(Ramification|Cure|How to look|How to fix|How to silence): (.)", re.MULTILINE
)
_CODE = re.compile(r"`([^`]+)`")

Kind = Literal["heading", "paragraph", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page; `spans` alternate between text and inline code."""

    kind: Kind
    text: str
    spans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runbook:
    """One page."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def find(name: str) -> Runbook | None:
    """Return the page of a check, lint, advice or daemon alert."""
    page = _pages().get(name) if _NAME.fullmatch(name) else None
    return parse(name, page) if page else None


def names() -> tuple[str, ...]:
    """Return the names of all pages."""
    return tuple(_pages())


@cache
def _pages() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        for name, module in resources.modules(package, "check").items():
            found[name] = resources.page(module)
    for module in resources.modules("monitor.alerting", "CHECK").values():
        found[module.CHECK] = module.__doc__ or ""
    lints = Library.load(resources.directory("sql") / "lints")
    for name in lints.names:
        query = lints.only(name)
        found[name] = resources.with_alias(query.page, query.splinter)
    for path in sorted((resources.directory("alerts") / "runbooks").glob("*.md")):
        found[path.stem] = path.read_text(encoding="utf-8").removeprefix("# ")
    return found


def parse(name: str, page: str) -> Runbook:
    """Return a page's parts: title, `## ` headings, indented code, paragraphs."""
    title, _, rest = page.strip().partition("\n")
    text = _LEAD.sub(
        lambda m: f"\n\n## {_HEADINGS.get(m[1], m[1])}\n\n{m[2].upper()}", rest
    )
    blocks = tuple(_blocks(dedent(text)))
    return Runbook(name=name, title=title.rstrip("."), blocks=blocks)


def _blocks(text: str) -> Iterator[Block]:
    code: list[str] = []
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        if part.startswith("    "):
            code.append(dedent(part))
            continue
        if code:
            yield Block("code", "\n\n".join(code))
            code = []
        if part.startswith("## "):
            yield Block("heading", part.removeprefix("## ").strip())
        elif part.strip():
            line = " ".join(part.split())
            yield Block("paragraph", line, tuple(_CODE.split(line)))
    if code:
        yield Block("code", "\n\n".join(code))
