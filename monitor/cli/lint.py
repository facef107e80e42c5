"""The command that judges catalogs alone, for people and for CI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from monitor.cli.context import Source, settings_options
from monitor.cli.findings import is_at_least
from monitor.cli.output import emit_json, emit_line, output_option
from monitor.cli.render import emit_findings
from monitor.errors import ConfigError
from monitor.lint import chosen, judge
from monitor.model import accepted
from monitor.model.finding import Finding, Severity, TrackedFinding, urgency
from monitor.model.shape import finding_as_dict
from monitor.model.target import Target
from monitor.postgres.direct import open_direct
from monitor.runtime.rules import Rule, discover
from monitor.settings import Settings

_LEVELS = [severity.value for severity in Severity]
_DATABASES = (
    "select datname from pg_catalog.pg_database where datallowconn and not "
    "datistemplate and pg_catalog.has_database_privilege(oid, 'connect') "
    "order by datname"
)


@click.command()
@settings_options
@click.option("--target", "target_name", help="Only of this target.")
@click.option(
    "--check",
    "only",
    multiple=True,
    help="Only this lint, by our name or Supabase's; repeatable.",
)
@click.option("--exclude", multiple=True, help="All but this lint; repeatable.")
@click.option(
    "--accept",
    type=click.Path(dir_okay=False, path_type=Path),
    help='TOML file of known findings: [lint] and "schema.object" = "reason".',
)
@click.option(
    "--fail-on",
    type=click.Choice([*_LEVELS, "never"]),
    default="warning",
    show_default=True,
    help="Exit with 1 when there is one at least so urgent.",
)
@output_option
def lint(
    *,
    source: Source,
    target_name: str | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    accept: Path | None,
    fail_on: str,
    output: str,
) -> int:
    """Judge the catalogs of the servers: no daemon, no traffic, nothing installed.

    Reads each database once and changes nothing. For instance in CI, against a
    database with the schema that is to be released. Accepted findings are left out;
    entries that no finding needs any more are named.
    """
    entries = accepted.parse(_read(accept)) if accept else ()
    settings = source.read_and_log()
    rules = chosen(only, exclude)
    found = {
        finding.id: finding
        for target in _targets(settings, target_name)
        for finding in _of_target(settings, target, rules)
    }
    # Of a lint that did not run nobody knows whether its entries are stale.
    known = [e for e in entries if e.lint in rules or e.lint not in discover()]
    outcome = accepted.sort(sorted(found.values(), key=urgency), known)
    _emit(outcome, output)
    if fail_on == "never":
        return 0
    return int(any(is_at_least(one.severity.value, fail_on) for one in outcome.open))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'could not read "{path}"', detail=str(error)) from error


def _targets(settings: Settings, name: str | None) -> tuple[Target, ...]:
    targets = settings.to_targets()
    found = tuple(target for target in targets if name in (None, target.name))
    if name is not None and not found:
        names = ", ".join(sorted(target.name for target in targets)) or "none"
        raise ConfigError(f'there is no target "{name}"', hint=f"There are: {names}.")
    return found


def _of_target(
    settings: Settings, target: Target, rules: Mapping[str, Rule]
) -> Iterator[Finding]:
    for datname in _databases(settings, target):
        with open_direct(
            target.credentials,
            instance=settings.instance,
            dbname=datname,
            limits=settings.timeouts.to_limits(),
        ) as connection:
            yield from judge(connection, target, rules, settings.thresholds)


def _databases(settings: Settings, target: Target) -> tuple[str, ...]:
    """Return the databases of a target that its patterns name."""
    with open_direct(
        target.credentials,
        instance=settings.instance,
        dbname=None,
        limits=settings.timeouts.to_limits(),
    ) as connection:
        names = [str(row[0]) for row in connection.execute(_DATABASES).fetchall()]
    return tuple(
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in target.databases)
        and not any(fnmatchcase(name, p) for p in target.exclude_databases)
    )


def _emit(outcome: accepted.Sorted, output: str) -> None:
    shown = [_shape(finding) for finding in outcome.open]
    if output == "json":
        emit_json(
            {
                "findings": shown,
                "accepted": [
                    {**_shape(finding), "reason": entry.reason}
                    for finding, entry in outcome.accepted
                ],
                "stale": [
                    {"check": entry.lint, "object": entry.object}
                    for entry in outcome.stale
                ],
            }
        )
        return
    emit_findings(shown)
    if outcome.accepted:
        emit_line(f"accepted: {len(outcome.accepted)}")
    for entry in outcome.stale:
        emit_line(f"accepted, but not found: {entry.lint} of {entry.object}")


def _shape(finding: Finding) -> dict[str, Any]:
    now = datetime.now(UTC)
    tracked = TrackedFinding(finding=finding, first_seen=now, last_seen=now)
    return {**finding_as_dict(tracked), "alias": discover()[finding.check].alias}
