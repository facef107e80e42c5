"""Shows settings without their secrets, in the form of a settings file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import BaseModel, SecretStr

from monitor.settings import libpq
from monitor.settings.root import Settings
from monitor.settings.values import as_list

HIDDEN = "********"


def redacted(settings: Settings) -> dict[str, object]:
    """Return all settings in force as plain values, secrets replaced by stars.

    Of connection strings everything but the secret keywords is shown.
    """
    shown = _show(settings)
    return cast("dict[str, object]", shown)


def _show(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: show_field(value, name) for name in type(value).model_fields}
    items = as_list(value)
    return value if items is None else [_show(item) for item in items]


def show_field(model: BaseModel, name: str) -> object:
    """Return one field of a model as a settings file would have it."""
    value = getattr(model, name)
    if name == "password_command" and value:
        # A token may stand among the arguments.
        return [value[0], *[HIDDEN] * (len(value) - 1)]
    if isinstance(value, SecretStr):
        return _conninfo(value) if name.endswith("dsn") else HIDDEN
    if name == "libpq" and value is not None:
        return _options(value)
    if isinstance(value, (BaseModel, tuple)):
        return _show(cast("object", value))
    return model.model_dump(mode="json", include={name})[name]


def _conninfo(secret: SecretStr) -> str:
    parts: dict[str, Any] = conninfo_to_dict(secret.get_secret_value())
    for keyword in libpq.SECRET_KEYWORDS & parts.keys():
        parts[keyword] = HIDDEN
    return make_conninfo("", **parts)


def _options(options: Mapping[str, SecretStr]) -> dict[str, str]:
    return {
        key: HIDDEN if key in libpq.SECRET_KEYWORDS else value.get_secret_value()
        for key, value in options.items()
    }
