"""How much a lint's finding matters: by what the statements on its table cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from monitor.model.catalog import Catalog, Relation
from monitor.model.finding import Finding
from monitor.model.view import View
from monitor.rls.observed import observe

Weigh = Callable[[Finding], float]
"""Larger is more urgent, among findings of one severity."""

_Named = Mapping[tuple[str, str], Relation]


def weigher(view: View) -> Weigh:
    """Return what weighs a finding by its table.

    That is the seconds of statements under the table's policies over the check
    interval. Where none were observed the weight is below 0, nearer to it the more
    rows the table has; for what is no table's it is 0.
    """
    seconds: dict[tuple[str, int], float] = defaultdict(float)
    for each in observe(view).found:
        seconds[each.table.database, each.table.relid] += each.seconds
    named: dict[str, _Named] = {}

    def weigh(finding: Finding) -> float:
        datname, ref = finding.database, finding.object
        if datname not in view.catalogs:
            return 0.0
        if datname not in named:
            named[datname] = dict(_named(view.catalogs[datname]))
        table = named[datname].get((ref.schema, ref.name))
        if table is None:
            return 0.0
        spent = seconds.get((finding.database, table.oid), 0.0)
        return spent or -1.0 / (1.0 + max(table.reltuples, 0.0))

    return weigh


def _named(catalog: Catalog) -> Iterator[tuple[tuple[str, str], Relation]]:
    """Yield tables by the names of what belongs to them in findings, last by theirs."""
    for index in catalog.indexes.values():
        if index.relid in catalog.relations:
            name = index.schemaname, index.indexrelname
            yield name, catalog.relations[index.relid]
    for policy in catalog.policies:
        relation = catalog.relations.get(policy.relid)
        if relation is not None:
            name = relation.schemaname, f"{relation.relname}.{policy.name}"
            yield name, relation
    for relation in catalog.relations.values():
        yield (relation.schemaname, relation.relname), relation
