"""What statements, policies and foreign keys compare, per table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from monitor.advisor.candidates import Need
from monitor.advisor.tables import root_of
from monitor.model.catalog import Catalog
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import StatementText, View
from monitor.sqltext import policy
from monitor.sqltext.predicates import Facts, Find, facts, finder
from monitor.sqltext.syntax import Match


def statement_needs(
    view: View, catalog: Catalog, relids: Collection[int], max_statements: int
) -> Iterator[Need]:
    """Yield what recorded statements of a database compare in the given tables.

    Only the statements that take most time are looked at, and only texts that
    contain one of the tables' names are parsed. The weight of a need is the
    statement's calls since the statistics began.
    """
    find = finder(catalog)
    words = {catalog.relations[relid].relname.lower() for relid in relids}
    for queryid, calls in _calls(view, catalog.datname, max_statements).items():
        recorded = view.texts.get(queryid)
        if recorded is not None and _mentions(recorded, words):
            yield from _of_statement(recorded, calls, catalog, find, relids)


def policy_needs(catalog: Catalog, relids: Collection[int]) -> Iterator[Need]:
    """Yield the columns that policies compare in the given tables, one each."""
    for each in catalog.policies:
        relation = catalog.relations.get(each.relid)
        if relation is None or not (relation.has_rls and each.using):
            continue
        relid = root_of(catalog, each.relid)
        if relid not in relids:
            continue
        for column in policy.columns(each.using):
            if column in relation.columns:
                reason = f'policy "{each.name}"'
                yield Need(relid=relid, columns=frozenset({column}), reason=reason)


def foreign_key_needs(catalog: Catalog, relids: Collection[int]) -> Iterator[Need]:
    """Yield the columns of the given tables' foreign keys."""
    for relid in relids:
        for key in catalog.foreign_keys_of(relid):
            reason = f'foreign key "{key.name}"'
            yield Need(relid=relid, columns=frozenset(key.columns), reason=reason)


def unread(view: View, catalog: Catalog, max_statements: int) -> int:
    """Return how many of those statements have no complete text to parse."""
    return sum(
        queryid not in view.texts
        or not view.texts[queryid].text
        or view.texts[queryid].truncated
        for queryid in _calls(view, catalog.datname, max_statements)
    )


def _calls(view: View, datname: str, max_statements: int) -> Mapping[int, int]:
    """Return the calls of the statements that take most time, by queryid."""
    calls: Counter[int] = Counter()
    micros: Counter[int] = Counter()
    for row in view.rows(StatementRow):
        if view.databases.get(row.dbid) == datname:
            calls[row.queryid] += row.calls_total
            micros[row.queryid] += round(row.exec_time_seconds_total * 1e6)
    return {number: calls[number] for number, _ in micros.most_common(max_statements)}


def _mentions(recorded: StatementText, words: Collection[str]) -> bool:
    if not recorded.text or recorded.truncated:
        return False
    text = recorded.text.lower()
    return any(word in text for word in words)


def _of_statement(
    recorded: StatementText,
    calls: int,
    catalog: Catalog,
    find: Find,
    relids: Collection[int],
) -> Iterator[Need]:
    found = facts(recorded.text, find)
    if found is None:
        return
    for relid in found.relids:
        root = root_of(catalog, relid)
        if root not in relids:
            continue
        for columns, is_certain in _column_sets(found, relid):
            yield Need(
                relid=root,
                columns=columns,
                reason=f"statement {recorded.queryid}",
                weight=float(calls),
                is_certain=is_certain,
            )


def _column_sets(found: Facts, relid: int) -> Iterator[tuple[frozenset[str], bool]]:
    """Yield the columns a statement compares at once, with whether that is certain.

    Columns below an OR stand alone: each branch needs an index of its own. Joins
    count only where nothing else narrows the table: they may be hashed.
    """
    own = [each for each in found.predicates if each.relid == relid]
    equal = [each for each in own if each.match is Match.EQUALITY]
    together = frozenset(each.column for each in equal if not each.is_alternative)
    if together:
        yield together, True
        return
    alone = {each.column for each in equal}
    for column in sorted(alone):
        yield frozenset({column}), True
    if not alone:
        for column in sorted({e.column for e in own if e.match is Match.JOIN}):
            yield frozenset({column}), False
