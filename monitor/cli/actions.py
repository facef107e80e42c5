"""Commands about changes to servers: what waits, what was done, and the way back."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from monitor.cli.client import Daemon, daemon_options, segment
from monitor.cli.output import emit_json, emit_line, emit_table, output_option
from monitor.logs import escape

_COLUMNS = ("id", "target", "database", "kind", "schema", "name", "mode", "state")


@click.group()
def actions() -> None:
    """List, approve, reject and undo changes to servers."""


@actions.command("list")
@daemon_options
@click.option("--target", help="Only of this target.")
@output_option
def list_(daemon: Daemon, target: str | None, output: str) -> None:
    """List the actions that are not finished."""
    found = _actions(daemon, target)
    _emit([action for action in found if not action["is_final"]], output)


@actions.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@output_option
def ledger(daemon: Daemon, target: str | None, output: str) -> None:
    """List every action of the journal, the last one first."""
    found = sorted(
        _actions(daemon, target), key=lambda one: str(one["created_at"]), reverse=True
    )
    _emit(found, output, "actor", "created_at", "detail")


@actions.command()
@daemon_options
@click.option("--target", help="Only of this target.")
@output_option
def export(daemon: Daemon, target: str | None, output: str) -> None:
    """Print proposed actions as a script to read, change and run with psql.

    For those who let pgvigil propose but run everything themselves.
    """
    proposed = [
        action
        for action in _actions(daemon, target)
        if not action["is_final"] or action["state"] == "reported"
    ]
    if output == "json":
        emit_json({"actions": proposed})
        return
    for line in script(proposed):
        click.echo(line)


def script(proposed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a psql script; the way back stands in comments.

    CONCURRENTLY and VACUUM cannot run in a transaction, so there is none.
    """
    place = None
    for action in proposed:
        if place != (action["target"], action["database"]):
            place = (action["target"], action["database"])
            yield f"-- target {escape(str(place[0]))}, database {escape(str(place[1]))}"
        yield f"-- {action['kind']}: {escape(str(action['reason']))}"
        yield from str(action["sql"]).rstrip(";").splitlines()
        yield ";"
        for line in str(action["undo"]).splitlines():
            yield f"-- undo: {line}"
        yield ""


def _operation(verb: str, summary: str) -> Callable[..., None]:
    @daemon_options
    @click.argument("action_id", type=int)
    @click.option("--target", help="The action's target, where there are several.")
    @output_option
    def operate(
        daemon: Daemon, action_id: int, target: str | None, output: str
    ) -> None:
        path = f"/api/v1/actions/{segment(action_id)}/{verb}"
        found = daemon.post(path, target=target, by=getpass.getuser())
        if output == "json":
            emit_json(found)
            return
        emit_line(f"action {action_id} is {found['action']['state']}")

    operate.__doc__ = summary
    return operate


actions.command("approve")(
    _operation("approve", "Let an action run in its next quiet moment.")
)
actions.command("reject")(_operation("reject", "Close an action that awaits approval."))
actions.command("undo")(_operation("undo", "Run the stored way back of an action."))


def _actions(daemon: Daemon, target: str | None) -> list[Any]:
    return daemon.get("/api/v1/actions", target=target, limit="10000")["actions"]


def _emit(found: Sequence[Mapping[str, Any]], output: str, *more: str) -> None:
    if output == "json":
        emit_json({"actions": list(found)})
        return
    columns = (*_COLUMNS, *more)
    emit_table(columns, ([action.get(c) for c in columns] for action in found))
