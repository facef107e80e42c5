"""What could be probed on a target: tables and statements, for each persona."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping
from itertools import islice

from monitor.model.catalog import Catalog, Relation
from monitor.model.persona import Persona
from monitor.model.rls import Guarded
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.view import View
from monitor.rls.inventory import Inventory, inventory
from monitor.rls.rewriting import rewrites
from monitor.rls.rounds import (
    Asked,
    ConfirmRound,
    Round,
    SavingRound,
    StatementRound,
    Survey,
    TableRound,
)

MOST_CONFIRMED = 50
"""A role's costliest statements; about the others the parser alone is believed."""

MOST_ASKED_AT_ONCE = 10
_ASKABLE = ("select", "with", "insert", "update", "delete", "merge")
_TABLE = "r"
_PARTITIONED = "p"


def survey(view: View, asked: Container[Asked] = ()) -> Survey:
    """Return what could be probed: tables with traffic, and listed statements.

    Tables come with the personas whose role their policies bind and apply to.
    The server can be asked about statements that are not among the `asked` ones.
    """
    rounds: list[Round] = []
    policies: dict[tuple[str, int], str] = {}
    databases: dict[str, str] = {}
    for datname in view.catalogs:
        known = inventory(view, datname)
        if known is None:
            continue
        own = {
            relation.oid: known.policy_set(relation.oid)
            for relation in known.catalog.relations.values()
            if relation.has_rls
        }
        policies |= {(datname, relid): found for relid, found in own.items()}
        databases[datname] = _together(own)
        rounds += _of_tables(view, known, own)
        rounds += _of_statements(view, datname, databases[datname])
        rounds += _of_answers(view, datname, asked)
        rounds += _of_savings(view, known)
    return Survey(rounds=tuple(rounds), policies=policies, databases=databases)


def _together(policies: Mapping[int, str]) -> str:
    text = " ".join(policies[relid] for relid in sorted(policies))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _of_statements(view: View, datname: str, policies: str) -> Iterator[StatementRound]:
    options = view.target.rls
    for statement in options.statements:
        if statement.database == datname:
            for persona in options.personas:
                yield StatementRound(
                    statement=statement, persona=persona, policy_set=policies
                )


def examined_per_second(view: View, catalog: Catalog) -> Mapping[int, float]:
    """Return how many rows a second scans returned, by table, lately.

    A partitioned table has those of its partitions. Empty across a reset.
    Source: pg_stat_user_tables.seq_tup_read, idx_tup_fetch.
    """
    delta = view.recent(TableRow, catalog.datname)
    found: dict[int, float] = {}
    if delta is None:
        return found
    for row in delta.rows:
        rows = row.seq_tup_read_total + (row.idx_tup_fetch_total or 0)
        for relid in lineage(catalog, row.oid):
            found[relid] = found.get(relid, 0.0) + rows / delta.seconds
    return found


def lineage(catalog: Catalog, relid: int) -> Iterator[int]:
    """Yield a table and the partitioned tables it is a part of."""
    while relid and (relation := catalog.relations.get(relid)) is not None:
        yield relid
        relid = relation.parent


def _of_answers(
    view: View, datname: str, asked: Container[Asked]
) -> Iterator[ConfirmRound]:
    """Yield for each persona's role the costliest statements to ask about."""
    delta = view.recent(StatementRow)
    rows = [
        row
        for row in (delta.rows if delta else ())
        if row.toplevel and view.databases.get(row.dbid) == datname
    ]
    rows.sort(key=lambda row: -row.exec_time_seconds_total)
    for role in sorted({persona.role for persona in view.target.rls.personas}):
        own = [r.queryid for r in rows if view.roles.get(r.userid) == role]
        found = (
            (queryid, view.texts[queryid].text)
            for queryid in own[:MOST_CONFIRMED]
            if (datname, queryid, role) not in asked and _is_askable(view, queryid)
        )
        batch = tuple(islice(found, MOST_ASKED_AT_ONCE))
        if batch:
            yield ConfirmRound(database=datname, role=role, statements=batch)


def _is_askable(view: View, queryid: int) -> bool:
    recorded = view.texts.get(queryid)
    if recorded is None or recorded.truncated:
        return False
    return recorded.text.lstrip("( \n\t").lower().startswith(_ASKABLE)


def _of_savings(view: View, known: Inventory) -> Iterator[SavingRound]:
    """Yield the rewrites of policies on tables with traffic."""
    rates = examined_per_second(view, known.catalog)
    for policy in known.catalog.policies:
        if policy.relid in rates and any(_subjects(view, known, policy.relid)):
            for rewrite in rewrites(known, policy, view.target.rls):
                yield SavingRound(rewrite=rewrite, known=known)


def _of_tables(
    view: View, known: Inventory, policies: Mapping[int, str]
) -> Iterator[TableRound]:
    catalog = known.catalog
    rates = examined_per_second(view, catalog)
    for relid, policy_set in policies.items():
        relation = catalog.relations[relid]
        if relid in rates and relation.kind in (_TABLE, _PARTITIONED):
            rows, relpages = size(catalog, relation)
            for persona in _subjects(view, known, relid):
                yield TableRound(
                    table=_guarded(catalog, relation, persona.role),
                    persona=persona,
                    policy_set=policy_set,
                    rows=rows,
                    relpages=relpages,
                    rows_per_second=rates[relid],
                )


def _subjects(view: View, known: Inventory, relid: int) -> Iterator[Persona]:
    """Yield the personas for whom a table's policies are evaluated."""
    for persona in view.target.rls.personas:
        if known.binds(relid, persona.role) and known.applicable(
            relid, persona.role, "select"
        ):
            yield persona


def _guarded(catalog: Catalog, relation: Relation, role: str) -> Guarded:
    return Guarded(
        database=catalog.datname,
        relid=relation.oid,
        schemaname=relation.schemaname,
        relname=relation.relname,
        role=role,
    )


def size(catalog: Catalog, relation: Relation) -> tuple[float, int]:
    """Return rows and pages, those of a partitioned table of all its partitions.

    -1 row means never analyzed, which is not empty.
    """
    if relation.kind != _PARTITIONED:
        return relation.reltuples, relation.relpages
    leaves = [
        each
        for each in catalog.relations.values()
        if each.kind == _TABLE and relation.oid in lineage(catalog, each.oid)
    ]
    rows = [each.reltuples for each in leaves]
    known = -1.0 if min(rows, default=-1.0) < 0 else sum(rows)
    return known, sum(each.relpages for each in leaves)
