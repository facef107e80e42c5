"""What lints on policies say about them: which are in force, names, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from monitor.model.catalog import Catalog, Policy, Relation
from monitor.model.finding import Evidence, ObjectRef
from monitor.model.quoting import qualified, quote_ident
from monitor.model.view import View


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy of a table that has row level security switched on."""

    catalog: Catalog
    relation: Relation
    policy: Policy

    @property
    def ref(self) -> ObjectRef:
        """Return how a finding names the policy."""
        name = f"{self.relation.relname}.{self.policy.name}"
        return ObjectRef("policy", self.relation.schemaname, name)

    @property
    def table(self) -> str:
        """Return the table's qualified name, quoted."""
        return qualified(self.relation.schemaname, self.relation.relname)

    @property
    def text(self) -> str:
        """Return how a summary names the policy."""
        return f"policy {quote_ident(self.policy.name)} on table {self.table}"

    @property
    def expressions(self) -> tuple[str, ...]:
        """Return the expressions that are known; none while the table is locked."""
        return tuple(filter(None, (self.policy.using, self.policy.check)))

    def evidence(self) -> Iterator[Evidence]:
        """Yield the expressions, and how many rows they may be evaluated for."""
        if self.policy.using:
            yield Evidence("using", self.policy.using)
        if self.policy.check:
            yield Evidence("with check", self.policy.check)
        yield Evidence("rows of the table", max(round(self.rows), 0), "tuples")

    @property
    def rows(self) -> float:
        """Return how many rows the last ANALYZE counted, partitions included."""
        return rows_of(self.catalog, self.relation)


def in_force(view: View) -> Iterator[Subject]:
    """Yield every policy that PostgreSQL evaluates: its table has RLS."""
    for catalog in view.catalogs.values():
        for policy in catalog.policies:
            relation = catalog.relations.get(policy.relid)
            if relation is not None and relation.has_rls:
                yield Subject(catalog, relation, policy)


def rows_of(catalog: Catalog, relation: Relation) -> float:
    """Return a table's rows as of the last ANALYZE; of a parent, its partitions'."""
    own = max(relation.reltuples, 0.0)
    if relation.kind != "p":
        return own
    parts = (r for r in catalog.relations.values() if r.parent == relation.oid)
    return max(own, sum(rows_of(catalog, part) for part in parts))


Tables = Mapping[tuple[str, str], Relation]
"""The tables of a database by schema and name; views are not among them."""


def tables_by_name(view: View) -> Mapping[str, Tables]:
    """Return the tables by name of every database that has policies."""
    return {
        catalog.datname: {(r.schemaname, r.relname): r for r in _tables(catalog)}
        for catalog in view.catalogs.values()
        if catalog.policies
    }


def _tables(catalog: Catalog) -> Iterable[Relation]:
    return catalog.relations.values()
