"""The command `explain`: the page of a check, lint, advisor or kind of action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from monitor.alerting import availability
from monitor.cli.output import emit_json, emit_table, output_option
from monitor.errors import ConfigError
from monitor.maintenance.planner import kinds
from monitor.runtime.rules import aliases, discover
from monitor.settings.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Page:
    """What is to be known about one rule or action."""

    name: str
    kind: str
    title: str
    text: str
    alias: str = ""


@click.command()
@click.argument("name", required=False)
@output_option
def explain(name: str | None, output: str) -> None:
    """Print what a check, lint or action means, costs and cures.

    Without a NAME all of them are listed. A rule that Supabase's advisors have, too,
    goes by their name as well.
    """
    found = pages()
    if name is None:
        _emit_list(found, output)
        return
    page = found.get(aliases().get(name, name))
    if page is None:
        raise ConfigError(
            f'there is no check, lint or action "{name}"',
            hint=did_you_mean(name, found) or "pgvigil explain lists them all.",
        )
    if output == "json":
        emit_json(_shape(page) | {"text": page.text})
        return
    click.echo(f"{page.name} ({page.kind})\n\n{page.text}")


def pages() -> Mapping[str, Page]:
    """Return the page of everything that has one, by name."""
    found = [
        Page(rule.name, rule.kind, rule.title, rule.page, rule.alias)
        for rule in discover().values()
    ]
    found += [
        Page(kind.name, "action", kind.title, kind.page) for kind in kinds().values()
    ]
    text = (availability.__doc__ or "").strip()
    found.append(Page(availability.CHECK, "check", availability.TITLE, text))
    return {page.name: page for page in sorted(found, key=lambda page: page.name)}


def _emit_list(found: Mapping[str, Page], output: str) -> None:
    if output == "json":
        emit_json({"pages": [_shape(page) for page in found.values()]})
        return
    rows = ((page.name, page.kind, page.title) for page in found.values())
    emit_table(("name", "kind", "title"), rows)


def _shape(page: Page) -> dict[str, str]:
    return {
        "name": page.name,
        "kind": page.kind,
        "title": page.title,
        "alias": page.alias,
    }
