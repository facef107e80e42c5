"""Views and functions that are made anew whenever their text or the server changes.

`name.sql` serves the oldest supported server, `name@17.sql` replaces it from server
17. A file with the line `-- @scope control` belongs into the control database only:
it reads what the daemon stores there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from monitor.errors import MigrationError
from monitor.model import script

Kind = Literal["view", "function"]
Scope = Literal["control", "database"]

_FILE = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:@(?P<major>\d+))?\.sql")
_CREATE = re.compile(
    r"^create or replace (?P<kind>view|function) monitoring\.(?P<name>\w+)",
    re.MULTILINE,
)
_MENTION = re.compile(r"\bmonitoring\.(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """One view or function, in the variant that fits a server.

    An optional one is made only where it is asked for, and renewed where it is.
    """

    name: str
    kind: Kind
    scope: Scope
    sql: str
    is_optional: bool = False

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the normalised file."""
        return script.checksum(self.sql)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A row of `monitoring.repeatables`: an object, its text, the server."""

    name: str
    kind: Kind
    checksum: str
    server_major: int


def read(
    files: Mapping[str, str], *, major: int, scope: Scope
) -> tuple[Repeatable, ...]:
    """Return what belongs into a database, each after all that it mentions.

    Raises:
        MigrationError: a file is not what its name says, or two need each other.
    """
    chosen: dict[str, tuple[int, Repeatable]] = {}
    for file, text in files.items():
        since, repeatable = _parse(file, text)
        known = chosen.get(repeatable.name)
        if since <= major and (known is None or known[0] < since):
            chosen[repeatable.name] = (since, repeatable)
    wanted = {
        name: repeatable
        for name, (_, repeatable) in sorted(chosen.items())
        if scope == "control" or repeatable.scope == "database"
    }
    return tuple(wanted[name] for name in _order(wanted))


def _parse(file: str, text: str) -> tuple[int, Repeatable]:
    match = _FILE.fullmatch(file)
    made = _CREATE.findall(text)
    if match is None or [name for _, name in made] != [match["name"]]:
        raise MigrationError(
            f'cannot use "views/{file}"',
            detail="It must create or replace exactly the object it is named after.",
        )
    return int(match["major"] or 0), Repeatable(
        name=match["name"],
        kind=made[0][0],
        scope="control" if script.has_directive(text, "@scope control") else "database",
        sql=text,
        is_optional=script.has_directive(text, "@optional"),
    )


def _order(wanted: Mapping[str, Repeatable]) -> Iterable[str]:
    needs = {
        name: [
            mentioned
            for mentioned in _MENTION.findall(script.without_comments(item.sql))
            if mentioned in wanted and mentioned != name
        ]
        for name, item in wanted.items()
    }
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise MigrationError(f"views need each other: {error.args[1]}") from error


def chosen(
    shipped: Iterable[Repeatable], made: Iterable[Made], asked_for: Collection[str]
) -> tuple[Repeatable, ...]:
    """Return what a database is to have: optional ones it has or was asked to get."""
    present = {m.name for m in made}
    return tuple(
        r
        for r in shipped
        if not r.is_optional or r.name in asked_for or r.name in present
    )


def stale(
    wanted: Iterable[Repeatable], made: Iterable[Made], *, major: int
) -> tuple[Repeatable, ...]:
    """Return what is to be made anew, in the order given."""
    current = {(m.name, m.checksum) for m in made if m.server_major == major}
    return tuple(r for r in wanted if (r.name, r.checksum) not in current)


def dropped(wanted: Iterable[Repeatable], made: Iterable[Made]) -> tuple[Made, ...]:
    """Return what was made once and is no longer shipped."""
    names = {r.name for r in wanted}
    return tuple(m for m in made if m.name not in names)
