"""Runs every check, lint and advisor on one view and gathers their findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model.catalog import Catalog
from monitor.model.finding import Finding, urgency
from monitor.model.target import Target
from monitor.model.threshold import relaxed
from monitor.model.view import View
from monitor.rls.weight import Weigh, weigher
from monitor.runtime.rules import Rule
from monitor.runtime.thresholds import ThresholdBook, is_enabled

CLEARANCE = 0.05
"""A finding that is open ends when it is clear of its level by this fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What one run concluded.

    `findings` are in order of urgency, then check and object. `failed` names the
    checks that broke, with the error. `evaluated` are the rules that could
    speak: an open finding of any other rule is neither confirmed nor resolved.
    `blind` are rules with the databases of which they saw too little.
    """

    findings: tuple[Finding, ...]
    failed: Mapping[str, str]
    evaluated: frozenset[str]
    blind: frozenset[tuple[str, str]] = frozenset()

    def has_judged(self, finding: Finding) -> bool:
        """Say whether a finding that is not among these is over."""
        return (
            finding.check in self.evaluated
            and (finding.check, finding.database) not in self.blind
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a rule last concluded, when, and with which thresholds."""

    at: datetime
    thresholds: object
    findings: tuple[Finding, ...]


class Evaluator:
    """Runs rules with the thresholds in force for the view's target.

    One for each target: lints and advice rest on the catalog, so between two of
    its readings their last findings stand instead of being worked out again; so
    do those of checks on relations between two readings of the tables.
    """

    def __init__(self, thresholds: ThresholdBook, rules: Mapping[str, Rule]) -> None:
        self._thresholds = thresholds
        self._rules = rules
        self._judged: dict[str, _Judged] = {}

    def holds(self, target: Target) -> Mapping[str, timedelta]:
        """Return how long findings must last before they alert, where edited."""
        return self._thresholds.holds(target)

    def run(self, view: View, open_ids: frozenset[str]) -> Evaluation:
        """Return the findings; those in `open_ids` last until clear of their level.

        A rule that raises costs its own findings only. A rule that is switched
        off counts as evaluated, so that its open findings end.
        """
        run = _Run(view)
        able = list(self._able(view, run))
        for rule, thresholds in able:
            run.take(rule, thresholds)
        if missing := open_ids.difference(run.found):
            for rule, thresholds in able:
                easier = relaxed(thresholds, CLEARANCE)
                if easier != thresholds:
                    run.take(rule, easier, only=missing)
        self._remember(able, run, view)
        return run.result()

    def _able(self, view: View, run: _Run) -> Iterator[tuple[Rule, object]]:
        """Yield the rules to run now, with their thresholds."""
        for rule in self._rules.values():
            thresholds = self._thresholds.of(view.target, rule.name)
            if not is_enabled(thresholds):
                run.evaluated.add(rule.name)
            elif not rule.is_blind(view):
                run.note_blindness(rule)
                if (known := self._standing(rule, thresholds, view)) is not None:
                    run.repeat(rule, known)
                else:
                    yield rule, thresholds

    def _standing(
        self, rule: Rule, thresholds: object, view: View
    ) -> tuple[Finding, ...] | None:
        """Return a lint's or advisor's last findings while the catalog stands."""
        known = self._judged.get(rule.name)
        if known is None or known.thresholds != thresholds:
            return None
        age = view.now - known.at
        return known.findings if age < _lifetime(rule, view) else None

    def _remember(
        self, ran: Sequence[tuple[Rule, object]], run: _Run, view: View
    ) -> None:
        for rule, thresholds in ran:
            if not _lifetime(rule, view) or rule.name not in run.evaluated:
                continue
            found = tuple(f for f in run.found.values() if f.check == rule.name)
            self._judged[rule.name] = _Judged(view.now, thresholds, found)


class _Run:
    def __init__(self, view: View) -> None:
        self._view = view
        self._failed: dict[str, str] = {}
        self.found: dict[str, Finding] = {}
        self.evaluated: set[str] = set()
        self._blind: set[tuple[str, str]] = set()
        self._weigh: Weigh | None = None

    def note_blindness(self, rule: Rule) -> None:
        """Note the databases about which a rule cannot speak."""
        for datname in self._view.server.databases:
            if rule.is_blind(self._view, datname):
                self._blind.add((rule.name, datname))

    def take(
        self, rule: Rule, thresholds: object, only: frozenset[str] | None = None
    ) -> None:
        """Add a rule's findings; with `only`, those of its ids."""
        try:
            findings = list(_findings(rule, self._view, thresholds))
        except Exception as error:  # noqa: BLE001 - a check's boundary; the caller logs
            self._failed[rule.name] = f"{type(error).__name__}: {error}"
            self.evaluated.discard(rule.name)
            return
        self.evaluated.add(rule.name)
        for finding in map(self._weighed, findings):
            if only is None or finding.id in only:
                _keep_worst(self.found, finding)

    def _weighed(self, finding: Finding) -> Finding:
        """Give a lint's finding the weight of its table; others have none."""
        if finding.kind != "lint":
            return finding
        self._weigh = self._weigh or weigher(self._view)
        return replace(finding, weight=self._weigh(finding))

    def repeat(self, rule: Rule, findings: Sequence[Finding]) -> None:
        """Add what a rule concluded before."""
        self.evaluated.add(rule.name)
        for finding in findings:
            self.found[finding.id] = finding

    def result(self) -> Evaluation:
        """Return everything taken, in order."""
        return Evaluation(
            findings=tuple(sorted(self.found.values(), key=urgency)),
            failed=self._failed,
            evaluated=frozenset(self.evaluated),
            blind=frozenset(self._blind),
        )


def _lifetime(rule: Rule, view: View) -> timedelta:
    """Return how long a rule's findings stand without being worked out again.

    What looks at every relation costs 10 ms for 10,000 of them, and a state is
    published several times between two readings of their statistics.
    """
    if rule.kind != "check":
        return view.target.intervals.catalog
    return view.target.intervals.tables if Catalog in rule.needs else timedelta(0)


def _findings(rule: Rule, view: View, thresholds: object) -> Iterator[Finding]:
    for finding in rule.check(view, thresholds):
        yield replace(
            finding,
            check=finding.check or rule.name,
            kind=rule.kind,
            title=finding.title or rule.title,
            target=view.target.name,
        )


def _keep_worst(found: dict[str, Finding], finding: Finding) -> None:
    known = found.get(finding.id)
    if known is None or finding.severity.rank < known.severity.rank:
        found[finding.id] = finding
