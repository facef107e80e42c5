"""Lints a database through a connection at hand: no daemon, nothing installed.

For tests of migrations: apply them in a transaction, ask what they leave to be
desired, and roll back.

    from monitor.lint import lint

    found = lint(connection)
    assert [one for one in found if one.severity != "info"] == []

The connection stays as it was: its transaction, its settings, its search_path. What
the transaction has changed and not committed is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg

from monitor.collectors.build import Libraries, build
from monitor.collectors.collector import Collected, Collector, Moment, Place
from monitor.errors import ConfigError, MonitorError
from monitor.model.catalog import Catalog
from monitor.model.finding import Finding
from monitor.model.persona import RlsOptions
from monitor.model.rows import row_classes
from monitor.model.rows.lints import LintRow
from monitor.model.server import Pooler, Server
from monitor.model.snapshot import Reading
from monitor.model.target import Target
from monitor.model.view import Key, View
from monitor.postgres.borrowed import Run, borrowed
from monitor.postgres.probe import answers_from, questions, server_from
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.rules import Rule, aliases, discover
from monitor.runtime.thresholds import Layer, ThresholdBook

_MOST_ROUNDS = 1_000
_DEFAULTS: Layer = {}


def lint(
    connection: psycopg.Connection[Any],
    *,
    rls: RlsOptions | None = None,
    only: Collection[str] = (),
    exclude: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what the lints find in a connection's database, the most urgent first.

    `rls` names the API's roles and schemas where they are not Supabase's. `only` and
    `exclude` are names of lints, ours or Supabase's; without `only` all run. Lints
    that judge traffic have nothing to say.

    Raises:
        ConfigError: there is no lint of such a name.
        TargetError: a query failed, or the transaction had failed before.
    """
    target = Target(name="", rls=rls or RlsOptions())
    return judge(connection, target, chosen(only, exclude))


def chosen(only: Collection[str], exclude: Collection[str]) -> Mapping[str, Rule]:
    """Return the lints that are wanted, by name.

    Raises:
        ConfigError: there is no lint of such a name.
    """
    lints = {name: rule for name, rule in discover().items() if rule.kind == "lint"}
    known = {**{name: name for name in lints}, **aliases()}
    for name in (*only, *exclude):
        if known.get(name) not in lints:
            raise ConfigError(
                f'there is no lint "{name}"', hint=f"There are: {', '.join(lints)}."
            )
    refused = {known[name] for name in exclude}
    wanted = {known[name] for name in only or lints} - refused
    return {name: rule for name, rule in lints.items() if name in wanted}


def judge(
    connection: psycopg.Connection[Any],
    target: Target,
    rules: Mapping[str, Rule],
    thresholds: Layer = _DEFAULTS,
) -> tuple[Finding, ...]:
    """Return what the given lints find, with a target's settings and thresholds.

    Raises:
        TargetError: a query failed; the connection is as it was.
        MonitorError: a lint broke.
    """
    with borrowed(connection) as run:
        view = _look(run, target, rules)
    mine = {name: given for name, given in thresholds.items() if name in rules}
    known = replace(
        target,
        thresholds={n: given for n, given in target.thresholds.items() if n in rules},
    )
    evaluator = Evaluator(ThresholdBook(rules, mine), rules)
    evaluation = evaluator.run(replace(view, target=known), frozenset())
    for name, error in evaluation.failed.items():
        raise MonitorError(f'could not judge lint "{name}"', detail=error)
    return evaluation.findings


def _look(run: Run, target: Target, rules: Mapping[str, Rule]) -> View:
    """Read all that the lints need, once."""
    server = server_from(answers_from(run(questions())), Pooler.NONE)
    place = Place(
        target=target, server=server, datname=server.database, is_control=True
    )
    collectors = {one.name: one for one in build(place, Libraries.load())}
    needs = {kind for rule in rules.values() for kind in rule.needs}
    catalogs: dict[str, Catalog] = {}
    readings: dict[Key, Reading[Any]] = {}
    for name, kind in _sources(needs):
        for collected in _collected(run, collectors[name]):
            readings |= {(kind, r.datname): r for r in collected.readings}
            if collected.catalog is not None:
                catalogs[collected.catalog.datname] = collected.catalog
    return View(
        target=target,
        server=_alone(server),
        now=datetime.now(UTC),
        readings=readings,
        catalogs=catalogs,
    )


def _alone(server: Server) -> Server:
    """Return a server of which only our database is known."""
    return replace(server, databases=(server.database,))


def _sources(needs: Collection[type[Any]]) -> Iterator[tuple[str, type[Any]]]:
    """Yield collectors, in the order in which they depend on each other."""
    if Catalog in needs:
        yield "catalog", Catalog
        yield "catalog_definitions", Catalog
    if LintRow in needs:
        yield "lints", LintRow
    for name, kind in row_classes().items():
        if kind in needs and kind is not LintRow:
            yield name, kind


def _collected(run: Run, collector: Collector) -> Iterator[Collected]:
    """Run a collector until it has brought everything.

    Raises:
        TargetError: one of its queries failed.
    """
    for _ in range(_MOST_ROUNDS):
        requests = collector.requests()
        replies = run(requests)
        for reply in replies:
            if reply.error is not None:
                raise reply.error
        if not requests:
            return
        moment = Moment(monotonic=0.0, now=datetime.now(UTC), epoch="")
        collected = collector.read(replies, moment)
        yield collected
        if not _has_more(collector, collected):
            return


def _has_more(collector: Collector, collected: Collected) -> bool:
    """Say whether a collector of the catalog has something left to ask for."""
    if collector.name == "catalog_definitions":
        # Nothing came: the rest is locked by somebody else.
        return collected.catalog is not None
    return collector.name == "catalog" and collector.interval.total_seconds() <= 1
