"""Query libraries: the files of a folder, and the variant that fits a server.

`name.sql` serves the oldest supported server, `name@17.sql` replaces it from
server 17, `name@pg_stat_statements-1.11.sql` from that version of the extension.
A name that has only variants is skipped where none fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import LiteralString, cast

from psycopg import sql

from monitor.errors import ConfigError
from monitor.model.finding import Severity
from monitor.model.server import Extension, Server
from monitor.postgres import query_file
from monitor.postgres.query_file import (
    EXTENSION_SCHEMA,
    PARAMETER,
    Lane,
    QueryFile,
    Role,
    Scope,
)

_NAME = re.compile(
    r"(?P<name>[a-z_][a-z0-9_]*)"
    r"(?:@(?:(?P<extension>[a-z_][a-z0-9_]*)-)?(?P<version>\d+(?:\.\d+)*))?"
)


@dataclass(frozen=True, slots=True)
class Since:
    """From which version on a file serves: of the server, or of an extension."""

    extension: str
    version: tuple[int, ...]

    def fits(self, server: Server) -> bool:
        """Say whether a server is new enough."""
        if not self.extension:
            return divmod(server.version_num, 10000) >= self.version
        installed = server.extensions.get(self.extension)
        return installed is not None and installed.version >= self.version

    def __str__(self) -> str:
        wanted = f'extension "{self.extension}"' if self.extension else "PostgreSQL"
        return f"{wanted} {'.'.join(map(str, self.version))} or newer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query, ready for one server.

    `help` maps the described columns to their HELP texts. `page` is the whole
    header. `extensions` are those whose schema the statement names.
    """

    name: str
    title: str
    sql: LiteralString
    interval: timedelta
    scope: Scope
    role: Role
    requires: tuple[str, ...]
    timeout: timedelta
    max_series: int
    lane: Lane
    help: Mapping[str, str]
    cadence: str = ""
    severity: Severity = Severity.WARNING
    category: str = ""
    splinter: str = ""
    lock: str = ""
    risk: str = ""
    page: str = ""
    path: Path = field(default_factory=Path)
    since: Since = Since("", ())
    extensions: tuple[str, ...] = ()


class Library:
    """The queries of one or more folders, by name.

    A file that cannot be used is left out and listed in `errors`; it never
    keeps another from loading.
    """

    def __init__(
        self,
        variants: Mapping[str, tuple[tuple[Since, QueryFile], ...]],
        errors: tuple[ConfigError, ...] = (),
    ) -> None:
        self._variants = variants
        self.errors = errors

    @classmethod
    def load(cls, *folders: Path, taken: Iterable[str] = ()) -> Library:
        """Return the queries of all folders, each name from one folder only.

        `taken` are names that other libraries use. A missing folder, a bad file
        and a name that is taken are errors of the library, not exceptions.
        """
        found: dict[str, tuple[tuple[Since, QueryFile], ...]] = {}
        errors: list[ConfigError] = []
        for folder in folders:
            local = _folder(folder, frozenset(taken) | found.keys(), errors)
            found.update(local)
        return cls(found, tuple(errors))

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names in alphabetical order."""
        return tuple(sorted(self._variants))

    def choose(self, name: str, server: Server) -> Query:
        """Return the newest variant that fits, else the oldest there is.

        Raises:
            LookupError: there is no query of this name.
        """
        variants = self._variants[name]
        fitting = [v for v in variants if v[0].fits(server)]
        since, file = fitting[-1] if fitting else variants[0]
        return _query(name, since, file, server.extensions)

    def only(self, name: str) -> Query:
        """Return a query that is the same on every server.

        Raises:
            LookupError: there is no query of this name.
        """
        ((since, file),) = self._variants[name]
        return _query(name, since, file, {})

    def variants(self, name: str) -> tuple[Path, ...]:
        """Return the files of a name, the oldest first."""
        return tuple(file.path for _, file in self._variants[name])

    def reason_to_skip(self, query: Query, server: Server) -> str:
        """Return why a query cannot run on this server, empty if it can."""
        if not query.since.fits(server):
            return f"needs {query.since}"
        if query.role and (query.role == "standby") != server.is_standby:
            return f"runs on a {query.role} only"
        wanted = (*query.requires, *query.extensions)
        return next(filter(None, (_missing(name, server) for name in wanted)), "")


def _folder(
    folder: Path, taken: frozenset[str], errors: list[ConfigError]
) -> dict[str, tuple[tuple[Since, QueryFile], ...]]:
    if not folder.is_dir():
        errors.append(ConfigError(f'could not find the folder "{folder}"'))
        return {}
    found: dict[str, list[tuple[Since, QueryFile]]] = {}
    for path in sorted(folder.glob("*.sql")):
        try:
            name, since = _identify(path, taken)
            file = query_file.read(path)
        except ConfigError as error:
            errors.append(error)
        else:
            found.setdefault(name, []).append((since, file))
    return {name: _sorted(variants, errors) for name, variants in found.items()}


def _identify(path: Path, taken: frozenset[str]) -> tuple[str, Since]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ConfigError(
            f'cannot use the file name "{path}"',
            hint='Names are "name.sql", "name@17.sql", "name@extension-1.11.sql".',
        )
    if match["name"] in taken:
        raise ConfigError(
            f'{path}:1: there is a query "{match["name"]}" already',
            hint="Give the file a name of its own.",
        )
    parts = (match["version"] or "").split(".")
    version = tuple(int(part) for part in parts if part)
    return match["name"], Since(match["extension"] or "", version)


def _sorted(
    variants: list[tuple[Since, QueryFile]], errors: list[ConfigError]
) -> tuple[tuple[Since, QueryFile], ...]:
    """Order variants from old to new; a name follows one version number only."""
    ordered = sorted(variants, key=lambda variant: variant[0].version)
    follows = {since.extension for since, _ in ordered if since.version}
    if len(follows) <= 1:
        return tuple(ordered)
    kept = min(follows)
    errors.extend(
        ConfigError(f"{file.path}:1: variants of a name follow one version only")
        for since, file in ordered
        if since.version and since.extension != kept
    )
    return tuple(v for v in ordered if not v[0].version or v[0].extension == kept)


def _query(
    name: str, since: Since, file: QueryFile, installed: Mapping[str, Extension]
) -> Query:
    extensions = tuple(dict.fromkeys(EXTENSION_SCHEMA.findall(file.text)))
    return Query(
        name=name,
        title=file.title,
        sql=_render(file.text, installed),
        interval=file.interval,
        scope=file.scope,
        role=file.role,
        requires=file.requires,
        timeout=file.timeout,
        max_series=file.max_series,
        lane=file.lane,
        help=file.help,
        cadence=file.cadence,
        severity=file.severity,
        category=file.category,
        splinter=file.splinter,
        lock=file.lock,
        risk=file.risk,
        page=file.page,
        path=file.path,
        since=since,
        extensions=extensions,
    )


def _render(text: str, installed: Mapping[str, Extension]) -> LiteralString:
    """Put the schemas of extensions and the driver's parameters into a statement.

    The one cast of query files to LiteralString. It is safe because the text is
    a file that the operator or this package installed, and all that is put into
    it are identifiers that psycopg quotes and parameter names of one word.
    """

    def schema(match: re.Match[str]) -> str:
        extension = installed.get(match[1])
        return sql.Identifier(extension.schema).as_string() if extension else match[0]

    rendered = EXTENSION_SCHEMA.sub(schema, text)
    if PARAMETER.search(rendered):
        # The driver reads % only in statements that have parameters.
        rendered = PARAMETER.sub(r"%(\1)s", rendered.replace("%", "%%"))
    return cast("LiteralString", rendered)


def _missing(name: str, server: Server) -> str:
    for capability in server.capabilities:
        if capability.name == name:
            words = filter(None, (capability.reason or name, capability.cure))
            return "" if capability.available else "; ".join(words)
    if name in server.extensions:
        return ""
    return f'needs extension or capability "{name}"'
