"""Turns a discovered address into a target, with what all discovered ones share.

The connection string is `target_defaults` with host and port of the address.
Discovery never brings secrets or connection options: those are the settings'.
Two labels are instructions: `__dbname__` and `__user__`. Other labels that begin
with `__` are dropped, as Prometheus does. A label `server` names the target;
without it the address does.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from monitor.errors import ConfigError
from monitor.model.target import Target
from monitor.runtime.sd_format import split_address
from monitor.settings import libpq
from monitor.settings.labels import check_labels
from monitor.settings.targets import TargetOptions, check_name, make_target

_INSTRUCTIONS = (("__dbname__", "dbname"), ("__user__", "user"))


def discovered_target(
    options: TargetOptions, address: str, labels: Mapping[str, str]
) -> Target:
    """Return the target for an address and its labels.

    Raises:
        ConfigError: the address or a label cannot be used.
    """
    host, port = split_address(address)
    own = {n: v for n, v in labels.items() if not n.startswith("__") and n != "server"}
    try:
        name = check_name(labels.get("server", address))
        return make_target(
            options,
            name=name,
            conninfo=_conninfo(options, host, port, labels),
            labels=check_labels(own),
        )
    except PydanticCustomError as error:
        message = error.message()
        raise ConfigError(f"a discovered target {message}") from None


def _conninfo(
    options: TargetOptions, host: str, port: str, labels: Mapping[str, str]
) -> str:
    parts = libpq.parse(options.conninfo)
    # hostaddr would win over the discovered host.
    parts.pop("hostaddr", None)
    parts["host"] = host
    if port:
        parts["port"] = port
    for label, keyword in _INSTRUCTIONS:
        if label in labels:
            parts[keyword] = labels[label]
    libpq.check_plain(parts.get("dbname", ""))
    return libpq.build(parts)
