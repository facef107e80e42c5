"""Lists every setting with its default and meaning, for the documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from monitor.settings.redaction import show_field
from monitor.settings.root import Settings

_ELSEWHERE = ("instance", "state_dir")
"""Their defaults are found on the machine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: how a file spells it, its default as YAML, what it means."""

    key: str
    default: str
    description: str


def entries() -> tuple[Entry, ...]:
    """Return every setting, in the order of the models."""
    return tuple(_walk(Settings, ""))


def table() -> str:
    """Return all settings as a Markdown table."""
    rows = [
        "| setting | default | meaning |",
        "|---|---|---|",
        *(
            f"| `{entry.key}` | {_code(entry.default)} | {entry.description} |"
            for entry in entries()
        ),
    ]
    return "\n".join(rows) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Entry]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = _section(field)
        if inner is None or field.description:
            yield Entry(key, _default(model, name, field), field.description or "")
        # Discovered targets share the keys of targets.
        if inner is not None and name != "target_defaults":
            yield from _walk(inner, f"{key}[]." if _is_list(field) else f"{key}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model that a field holds, by itself, optionally or in a list."""
    kinds: list[Any] = [field.annotation]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        kinds.extend(get_args(kind))
    return None


def _is_list(field: FieldInfo) -> bool:
    return isinstance(field.default, tuple)


def _default(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    if field.is_required() or name in _ELSEWHERE:
        return ""
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel) or value == ():
        return ""
    shown = show_field(model.model_construct(**{name: value}), name)
    if isinstance(shown, list):
        return ", ".join(str(item) for item in shown)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if shown in ({}, ""):
        return ""
    return str(shown).lower() if isinstance(shown, bool) else str(shown)
