"""Commands about the settings themselves."""

from __future__ import annotations

import click
import yaml

from monitor.cli.context import Source, settings_options
from monitor.cli.output import emit_json, output_option
from monitor.model.units import plural
from monitor.settings import redacted


@click.group()
def config() -> None:
    """Show and validate the settings."""


@config.command()
@settings_options
@output_option
def show(source: Source, output: str) -> None:
    """Print all settings in force, from all sources, without secrets."""
    shown = redacted(source.read())
    if output == "json":
        emit_json(shown)
        return
    click.echo(
        yaml.safe_dump(shown, sort_keys=False, default_flow_style=False), nl=False
    )


@config.command()
@settings_options
@output_option
def validate(source: Source, output: str) -> None:
    """Say whether the settings are valid, and what is wrong if not."""
    settings = source.read()
    names = [target.name for target in settings.to_targets()]
    if output == "json":
        emit_json({"valid": True, "targets": names})
        return
    sources = len(settings.target_files) + len(settings.http_sd)
    also = f" and {plural(sources, 'source')} of more" if sources else ""
    click.echo(f"settings are valid: {plural(len(names), 'target')}{also}")
