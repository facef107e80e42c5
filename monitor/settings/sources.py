"""Where settings come from, lowest first: file, secrets directory, environment, CLI.

pydantic-settings' own sources cannot address items of a list, ignore mistyped
variables and do not know where a value came from; error messages need all three.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from monitor.errors import ConfigError
from monitor.settings.values import as_list, as_mapping

PREFIX = "PGVIGIL_"
CONTROL_VARIABLES = frozenset(
    {"PGVIGIL_CONFIG", "PGVIGIL_SECRETS_DIR", "PGVIGIL_URL", "PGVIGIL_TOKEN_FILE"}
)
"""Variables that steer the commands and are no settings."""

# Kubernetes sets these in every pod when a Service's name starts with "pgvigil".
_SERVICE_LINK = re.compile(
    r"PGVIGIL_(?:[A-Z0-9]+_)*(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
_SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://[^/\s]+:\d+")
_POSITION = re.compile(r"at line (\d+), column (\d+)")

Path_ = tuple[str, ...]
Tree = dict[str, Any]


@dataclass(slots=True)
class Merged:
    """All layers laid over one another, and where each value came from."""

    tree: Tree = field(default_factory=dict[str, Any])
    origins: dict[Path_, str] = field(default_factory=dict[Path_, str])

    def add(self, tree: Mapping[str, Any], origin: str) -> None:
        """Lay a whole tree over what is there."""
        self.tree = cast("Tree", _overlay(self.tree, tree))
        for path in _leaves(tree):
            self.origins[path] = origin

    def put(self, path: Path_, value: object, origin: str) -> None:
        """Lay one value over what is there."""
        tree: Any = value
        for key in reversed(path):
            tree = {key: tree}
        self.add(tree, origin)

    def origin(self, path: Path_) -> str:
        """Return where the value at a path, or the nearest around it, came from."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        below = {o for p, o in self.origins.items() if p[: len(path)] == path}
        return below.pop() if len(below) == 1 else ""


def _overlay(lower: object, upper: object) -> object:
    over = as_mapping(upper)
    if over is None:
        return upper
    under = as_mapping(lower) or {}
    listed = as_list(lower)
    if listed is not None and all(str(key).isdecimal() for key in over):
        under = _numbered(listed)
    return {**under, **{k: _overlay(under.get(k), v) for k, v in over.items()}}


def _numbered(items: Sequence[object]) -> dict[object, object]:
    return {str(index): item for index, item in enumerate(items)}


def _leaves(tree: object, above: Path_ = ()) -> list[Path_]:
    listed = as_list(tree)
    table = as_mapping(tree) if listed is None else _numbered(listed)
    if not table:
        return [above]
    return [p for k, item in table.items() for p in _leaves(item, (*above, str(k)))]


def read_file(path: Path) -> Tree:
    """Return a YAML or TOML file as a tree; relative paths in it are its neighbours.

    Raises:
        ConfigError: it cannot be read or parsed. Parsers quote what they choke
            on, which may be a password; only the position is passed on.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f'could not read "{path}": {error.strerror or "I/O error"}'
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f'"{path}" is not UTF-8 text') from None
    tree = _parse(path, text)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f'"{path}" must hold keys and values at its top')
    return cast("Tree", _resolve(cast("object", tree), path.parent.absolute()))


def _parse(path: Path, text: str) -> object:
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            match = _POSITION.search(str(error))
            where = f", line {match[1]}, column {match[2]}" if match else ""
            raise ConfigError(f'"{path}"{where}: this is not valid TOML') from None
    if path.suffix in {".yaml", ".yml", ".json"}:
        return parse_yaml(path, text)
    raise ConfigError(
        f'cannot tell the format of "{path}"',
        hint="Name the file .yaml or .toml.",
    )


def parse_yaml(path: Path, text: str) -> object:
    """Return parsed YAML (or JSON); a key given twice is an error.

    Raises:
        ConfigError: naming file, line and column only.
    """
    try:
        return yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = (
            "a key is given twice"
            if isinstance(error, _DuplicateKey)
            else "this is not valid YAML"
        )
        raise ConfigError(f'"{path}"{where}: {what}') from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ConfigError(f'"{path}": this is not valid YAML') from None


class _DuplicateKey(yaml.constructor.ConstructorError):
    pass


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice and keeps keys as text."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002
    ) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise _DuplicateKey(problem_mark=key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        built = super().construct_mapping(node, deep)
        return {str(key): value for key, value in built.items()}


def _resolve(value: object, folder: Path, key: str = "") -> object:
    """Make relative paths absolute: the daemon's working directory means nothing."""
    table, items = as_mapping(value), as_list(value)
    if table is not None:
        return {k: _resolve(item, folder, str(k)) for k, item in table.items()}
    if items is not None:
        return [_resolve(item, folder, key) for item in items]
    is_path = key == "target_files" or key.endswith(("_file", "_dir"))
    return str(folder / value) if is_path and isinstance(value, str) else value


def environment(environ: Mapping[str, str]) -> dict[Path_, tuple[str, str]]:
    """Return settings from variables: their path, value and variable's name."""
    return {
        split(name.removeprefix(PREFIX)): (value, name)
        for name, value in environ.items()
        if name.startswith(PREFIX)
        and name not in CONTROL_VARIABLES
        and value
        and not _is_service_link(name, value)
    }


def secrets(directory: Path) -> dict[Path_, tuple[str, str]]:
    """Return settings from files named like variables, for instance by systemd.

    Other files in the directory are no settings: a password_file may lie there.

    Raises:
        ConfigError: the directory or a file cannot be read.
    """
    try:
        files = sorted(directory.iterdir())
        return {
            split(file.name[len(PREFIX) :]): (file.read_text().rstrip("\n"), str(file))
            for file in files
            if file.name.upper().startswith(PREFIX) and file.is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f'could not read the secrets directory "{directory}": {reason}'
        ) from None


def split(name: str) -> Path_:
    """Return the path that a variable's name spells: HTTP__LISTEN, TARGETS__0__DSN."""
    return tuple(name.lower().split("__"))


def _is_service_link(name: str, value: str) -> bool:
    if "__" in name:
        return False
    if name.endswith("_PORT") and _SERVICE_URL.fullmatch(value):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None
