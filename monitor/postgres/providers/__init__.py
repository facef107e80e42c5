"""Hosting providers: how each is recognised and what it is documented to deny.

One file per provider; its name is what `Server.provider` says. A denial only adds
to what a probe found missing: nothing is denied because of a name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from monitor.postgres.probe_facts import MarkerKind, MarkerRow

SELF_HOSTED = "self-hosted"
_MARKER_KINDS: Mapping[str, MarkerKind] = {
    "roles": "role",
    "settings": "setting",
    "functions": "function",
}


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a provider withholds a capability, what helps there, and who says so."""

    reason: str
    cure: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider. Of several that match, the one of the highest rank is meant."""

    name: str
    title: str
    rank: int
    markers: frozenset[MarkerRow]
    denials: Mapping[str, Denial]


@cache
def providers() -> tuple[Provider, ...]:
    """Return all providers, by name."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(_read(file.stem, tomllib.loads(file.read_text())) for file in files)


def markers() -> tuple[MarkerRow, ...]:
    """Return what to look for on a server, for all providers together."""
    return tuple({marker: None for p in providers() for marker in p.markers})


def recognise(found: Iterable[MarkerRow], known: Iterable[Provider]) -> Provider | None:
    """Return the provider that the markers found speak for; None is self-hosted."""
    seen = frozenset(found)
    matching = [provider for provider in known if provider.markers & seen]
    return max(matching, key=lambda provider: provider.rank, default=None)


def _read(name: str, content: dict[str, Any]) -> Provider:
    denials = cast("dict[str, dict[str, str]]", content.get("denials", {}))
    wanted = cast("dict[str, list[str]]", content["markers"])
    return Provider(
        name=name,
        title=str(content["title"]),
        rank=int(content.get("rank", 0)),
        markers=frozenset(
            MarkerRow(kind, marker)
            for key, kind in _MARKER_KINDS.items()
            for marker in wanted.get(key, [])
        ),
        denials={key: Denial(**denial) for key, denial in denials.items()},
    )
