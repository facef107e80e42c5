"""Findings that are known and meant: a file that a team keeps beside its schema.

    [policy_without_rls]
    "public.drafts" = "switched on by the next release, see its migration"

By lint and object, with a reason. A `*` in an object's name stands for anything,
for instance for the months in the names of partitions.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from monitor.errors import ConfigError
from monitor.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One entry: which lint may say what about which object, and why."""

    lint: str
    object: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Say whether a finding is the one that was accepted."""
        if finding.check != self.lint:
            return False
        name = str(finding.object)
        return name == self.object or ("*" in self.object and self._fits(name))

    def _fits(self, name: str) -> bool:
        # Only * is special: brackets and question marks may be part of a name.
        pattern = self.object.replace("[", "[[]").replace("?", "[?]")
        return fnmatchcase(name, pattern)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Findings that nobody has accepted, those that are, and entries without one."""

    open: tuple[Finding, ...]
    accepted: tuple[tuple[Finding, Acceptance], ...]
    stale: tuple[Acceptance, ...]


def parse(text: str) -> tuple[Acceptance, ...]:
    """Return the entries of a file.

    Raises:
        ConfigError: it is not TOML, or an entry has no reason.
    """
    try:
        document: Mapping[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "could not read the accepted findings", detail=str(error)
        ) from error
    return tuple(
        _entry(lint, name, reason)
        for lint, objects in document.items()
        for name, reason in _table(lint, objects).items()
    )


def _table(lint: str, objects: object) -> Mapping[str, object]:
    if not isinstance(objects, dict):
        raise ConfigError(
            f'accepted findings of "{lint}" are not a table',
            hint='Write [lint], and below it "schema.object" = "reason".',
        )
    return {str(name): reason for name, reason in objects.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _entry(lint: str, name: str, reason: object) -> Acceptance:
    if not isinstance(reason, str) or not reason.strip():
        raise ConfigError(f'the accepted finding {lint} of "{name}" has no reason')
    return Acceptance(lint, name, reason)


def sort(findings: Iterable[Finding], entries: Iterable[Acceptance]) -> Sorted:
    """Return findings apart by whether they were accepted, in their order."""
    known = tuple(entries)
    open_: list[Finding] = []
    accepted: list[tuple[Finding, Acceptance]] = []
    for finding in findings:
        entry = next((one for one in known if one.covers(finding)), None)
        if entry is None:
            open_.append(finding)
        else:
            accepted.append((finding, entry))
    used = {entry for _, entry in accepted}
    stale = tuple(entry for entry in known if entry not in used)
    return Sorted(tuple(open_), tuple(accepted), stale)
