"""Reads Prometheus's service discovery form: a list of groups, each with labels.

    [{"targets": ["db1:5432", "db2"], "labels": {"team": "shop"}}]

File_sd files (JSON or YAML) and http_sd answers (JSON) have it alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import yaml

from monitor.errors import ConfigError

MOST_BYTES = 10 * 1024 * 1024
_KEYS = frozenset({"targets", "labels"})


@dataclass(frozen=True, slots=True)
class Group:
    """Addresses, each `host` or `host:port`, and the labels they share."""

    addresses: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def parse(text: bytes, *, is_yaml: bool = False) -> tuple[Group, ...]:
    """Return the groups of a JSON document, or of a YAML one.

    Raises:
        ConfigError: it has another form. The message repeats nothing of it.
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(f"the list is larger than {MOST_BYTES} bytes")
    document = _load(text, is_yaml=is_yaml) if text.strip() else None
    if document is None:
        return ()
    if not isinstance(document, list):
        raise ConfigError("the list is not a list")
    return tuple(
        _group(item, number)
        for number, item in enumerate(cast("list[object]", document))
    )


def _load(text: bytes, *, is_yaml: bool) -> object:
    try:
        # Not the C loader: deep nesting crashes the whole process in it.
        return yaml.safe_load(text) if is_yaml else json.loads(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        kind = "YAML" if is_yaml else "JSON"
        raise ConfigError(f"the list is not valid {kind}") from None


def _group(item: object, number: int) -> Group:
    if not isinstance(item, dict):
        raise ConfigError(f"group {number} has no targets and labels")
    group = cast("dict[object, object]", item)
    if not group.keys() <= _KEYS:
        raise ConfigError(f"group {number} has keys other than targets and labels")
    addresses, labels = group.get("targets"), group.get("labels")
    if not isinstance(addresses, list):
        raise ConfigError(f"targets of group {number} are not a list")
    if labels is not None and not isinstance(labels, dict):
        raise ConfigError(f"labels of group {number} are not names and values")
    named = cast("dict[object, object]", labels or {}).items()
    return Group(
        tuple(_text(address, number) for address in cast("list[object]", addresses)),
        {_text(name, number): _text(value, number) for name, value in named},
    )


def _text(value: object, number: int) -> str:
    # Anything deeper could be a bomb of YAML aliases.
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    raise ConfigError(f"group {number} has something else than text in a text's place")


def split_address(address: str) -> tuple[str, str]:
    """Return host and port of `host`, `host:port`, `[::1]:port` or `::1`.

    The port is empty where there is none; an absolute path is a socket's folder.

    Raises:
        ConfigError: it is none of these.
    """
    if address.startswith("["):
        host, closing, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
        is_good = bool(closing) and rest[:1] in {"", ":"}
    elif address.count(":") == 1:
        host, _, port = address.partition(":")
        is_good = True
    else:
        host, port, is_good = address, "", True
    if not is_good or not host or "," in host or not host.isprintable():
        raise ConfigError("an address is not of the form host or host:port")
    if port and not (port.isdecimal() and port.isascii()):
        raise ConfigError("an address has a port that is not a number")
    return host, port
