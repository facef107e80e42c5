"""One finding in its view: finds the object, words actions and refusals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.model.action import Action, Refusal, Statement
from monitor.model.catalog import Catalog, Index, Relation
from monitor.model.finding import Evidence, Finding
from monitor.model.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A finding that a kind of action looks at."""

    kind: str
    finding: Finding
    view: View

    @property
    def catalog(self) -> Catalog | None:
        """Return the catalog of the finding's database."""
        return self.view.catalogs.get(self.finding.database)

    def relation(self) -> Relation | None:
        """Return the table that the finding names."""
        ref = self.finding.object
        for relation in self.catalog.relations.values() if self.catalog else ():
            if (relation.schemaname, relation.relname) == (ref.schema, ref.name):
                return relation
        return None

    def index(self) -> Index | None:
        """Return the index that the finding names."""
        ref = self.finding.object
        for index in self.catalog.indexes.values() if self.catalog else ():
            if (index.schemaname, index.indexrelname) == (ref.schema, ref.name):
                return index
        return None

    def facts(self, name: str) -> Iterator[float | int | str]:
        """Yield the values of the evidence of one name."""
        for each in self.finding.evidence:
            if each.name == name:
                yield each.value

    def oid(self, name: str) -> int:
        """Return an oid from the evidence, 0 if there is none."""
        return next((int(value) for value in self.facts(name)), 0)

    def refuse(self, rule: str, reason: str) -> Refusal:
        """Return why the action is not planned."""
        ref = self.finding.object
        return Refusal(
            kind=self.kind,
            target=self.view.target.name,
            database=self.finding.database,
            schema=ref.schema,
            name=ref.name,
            rule=rule,
            reason=reason,
        )

    def act(
        self,
        thing: Relation | Index,
        statement: Statement,
        lock: str,
        *,
        name: str,
        undo: Statement | None = None,
        size_bytes: int | None = None,
        evidence: Iterable[Evidence] = (),
    ) -> Action:
        """Return the action on a table or index; `name` is what it is called."""
        return Action(
            kind=self.kind,
            target=self.view.target.name,
            database=self.finding.database,
            schema=thing.schemaname,
            name=name,
            oid=thing.oid,
            statement=statement,
            undo=undo,
            lock=lock,
            reason=self.finding.summary,
            definition=thing.definition if isinstance(thing, Index) else "",
            size_bytes=size_bytes,
            owner=thing.owner,
            evidence=tuple(evidence) or self.finding.evidence,
            finding_id=self.finding.id,
        )


def named(findings: Iterable[Finding], checks: Iterable[str]) -> tuple[Finding, ...]:
    """Return the findings of the given checks."""
    wanted = frozenset(checks)
    return tuple(finding for finding in findings if finding.check in wanted)
