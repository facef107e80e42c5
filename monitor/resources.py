"""Finds what pgvigil discovers by place: plug-in modules and packaged files.

Nothing registers itself: a check, action or lint is a module in its package, a
metric a file in `sql/metrics`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

_PACKAGE = Path(__file__).parent


@cache
def directory(name: str) -> Path:
    """Return a shipped folder (`sql`, `alerts`, `dashboards`).

    In a checkout these are top-level; in the wheel they lie inside the package.

    Raises:
        ConfigError: the installation is incomplete.
    """
    packaged = _PACKAGE / "_files" / name
    checkout = _PACKAGE.parent / name
    if name == "dashboards":
        checkout /= "json"
    for candidate in (packaged, checkout):
        if candidate.is_dir():
            return candidate
    raise ConfigError(
        f'could not find the shipped folder "{name}"',
        hint="Reinstall pgvigil; the wheel is incomplete.",
    )


def modules(package: str, attribute: str) -> dict[str, ModuleType]:
    """Return the modules of a package that define `attribute`, by short name."""
    parent = importlib.import_module(package)
    found: dict[str, ModuleType] = {}
    for info in sorted(pkgutil.iter_modules(parent.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{package}.{info.name}")
        if hasattr(module, attribute):
            found[info.name] = module
    return found


def page(module: ModuleType) -> str:
    """Return a module's docstring, with the other name that its rule is known by."""
    text = (module.__doc__ or "").strip()
    return with_alias(text, getattr(module, "SPLINTER", ""))


def with_alias(text: str, alias: str) -> str:
    """Return a page that says under which name Supabase's advisors know the rule."""
    return f"{text}\n\nSupabase's advisors call it `{alias}`." if alias else text


def title(module: ModuleType) -> str:
    """Return the first line of a module's docstring, without its full stop."""
    return (module.__doc__ or module.__name__).strip().splitlines()[0].rstrip(".")
