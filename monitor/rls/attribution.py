"""Which tables' policies are evaluated when a role runs a recorded statement.

The parser says which relations a text names and what it does to them; the
inventory says what follows from that for the role. Where the server itself was
asked, it has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitor.model.rls_observed import Attribution
from monitor.model.rows.sql_functions import SqlFunctionRow
from monitor.model.view import StatementText, View
from monitor.rls.inventory import MOST_KEPT, Inventory, inventory
from monitor.rls.naming import Names
from monitor.rls.reading import Reading, Uses
from monitor.sqltext.outline import outline
from monitor.sqltext.syntax import Outline

_EVALUATING = frozenset(
    {
        "select_stmt",
        "insert_stmt",
        "update_stmt",
        "delete_stmt",
        "merge_stmt",
        "copy_stmt",
        "create_table_as_stmt",
        "declare_cursor_stmt",
        "prepare_stmt",
    }
)
"""EXPLAIN is not among them: it is an operator's question, or our own probe."""

MOST_VERDICTS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one statement and role.

    `guarded` are the tables whose policies are evaluated; `reached` those under
    row level security that it reads or writes whether or not they bind the role.
    `inside` are those of `guarded` that only functions read: the planner does not
    look into every function, so the server's "no" says nothing about them.
    `is_subject` may hold without `guarded`: the server says so, and the table is
    read where no parser sees it. `is_loose`: a name was resolved only because it
    is unique. `is_contradicted`: the parser had said otherwise, or nothing.
    """

    guarded: frozenset[int] = frozenset()
    inside: frozenset[int] = frozenset()
    reached: frozenset[int] = frozenset()
    is_subject: bool = False
    attribution: Attribution = "ast"
    is_loose: bool = False
    is_contradicted: bool = False


class _Parsed(NamedTuple):
    text: StatementText
    verdict: Verdict | None


class Attributor:
    """Attributes the statements of one database and remembers every verdict.

    What a statement means for a role depends on nothing but the inventory: one
    that was seen before costs a look-up.
    """

    def __init__(
        self,
        stock: Inventory,
        datname: str,
        functions: tuple[SqlFunctionRow, ...] = (),
        before: Attributor | None = None,
    ) -> None:
        """Begin with what an earlier attributor knows, as far as it still holds."""
        self.stock = stock
        self.datname = datname
        self.functions = functions
        self.shape = hash((_shape(stock), functions))
        self._reading = Reading(Names(stock), functions)
        self.parsed: dict[tuple[int, str], _Parsed] = {}
        if before is not None and before.shape == self.shape:
            self.parsed = before.parsed

    def verdict(
        self,
        text: StatementText | None,
        queryid: int,
        role: str,
        confirmed: Mapping[tuple[str, int, str], bool],
    ) -> Verdict | None:
        """Return what a statement evaluates under a role; None: not analysed."""
        parsed = self._parse(text, queryid, role)
        answer = confirmed.get((self.datname, queryid, role))
        return parsed if answer is None else _settle(parsed, is_subject=answer)

    def _parse(
        self, text: StatementText | None, queryid: int, role: str
    ) -> Verdict | None:
        key = (queryid, role)
        known = self.parsed.get(key)
        if known is not None and (text is None or text == known.text):
            return known.verdict
        if text is None or not text.text:
            return None
        found = None if text.truncated else outline(text.text)
        if len(self.parsed) >= MOST_VERDICTS:
            self.parsed.clear()
        verdict = None if found is None else self._judge(found, role)
        self.parsed[key] = _Parsed(text, verdict)
        return verdict

    def _judge(self, syntax: Outline, role: str) -> Verdict | None:
        """Return what the parser's findings mean; None where a name is unclear."""
        if _EVALUATING.isdisjoint(syntax.kinds):
            return Verdict()
        read = self._reading.of(syntax, role)
        if read is None:
            return None
        named, inside = self._guarded(read.named), self._guarded(read.inside)
        oids = {oid for oid, _ in (*read.named, *read.inside)}
        return Verdict(
            guarded=named | inside,
            inside=inside - named,
            reached=_reach(self.stock, oids),
            is_subject=bool(named or inside),
            is_loose=read.is_loose,
        )

    def _guarded(self, uses: Uses) -> frozenset[int]:
        found: set[int] = set()
        for (oid, reader), commands in uses.items():
            found |= self.stock.closure((oid,), reader, commands)
        return frozenset(found)


_kept: dict[tuple[str, str], Attributor] = {}


def attributor(view: View, datname: str) -> Attributor | None:
    """Return what attributes a database's statements; None without an inventory.

    The same object, with all its verdicts, while nothing changed that they rest on.
    """
    stock = inventory(view, datname)
    if stock is None:
        return None
    key = (view.target.name, datname)
    known = _kept.get(key)
    functions = view.rows(SqlFunctionRow, datname)
    if known is not None and known.stock is stock and known.functions == functions:
        return known
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    made = _kept[key] = Attributor(stock, datname, functions, known)
    return made


def _settle(parsed: Verdict | None, *, is_subject: bool) -> Verdict:
    """Return the server's answer, with the tables as far as the parser named them."""
    guess = parsed or Verdict()
    if is_subject:
        is_news = not guess.is_subject
        return replace(
            guess, is_subject=True, attribution="server", is_contradicted=is_news
        )
    return replace(
        guess,
        guarded=guess.inside,
        is_subject=bool(guess.inside),
        attribution="ast" if guess.inside else "server",
        is_contradicted=guess.guarded != guess.inside,
    )


def _reach(stock: Inventory, relids: Iterable[int]) -> frozenset[int]:
    """Return the tables under row level security behind names, through views."""
    pending, seen = list(relids), set[int]()
    while pending:
        relid = pending.pop()
        if relid in seen:
            continue
        seen.add(relid)
        view = stock.views.get(relid)
        if view is not None and view.kind == "v":
            pending.extend(view.relations)
    tables = stock.catalog.relations
    return frozenset(oid for oid in seen if oid in tables and tables[oid].has_rls)


def _shape(stock: Inventory) -> int:
    """Return a hash of all that verdicts rest on: sizes and texts are not in it."""
    relations = frozenset(
        (r.oid, r.schemaname, r.relname, r.owner, r.has_rls, r.forces_rls)
        for r in stock.catalog.relations.values()
    )
    policies = frozenset(
        (p.oid, p.relid, p.command, p.roles) for p in stock.catalog.policies
    )
    references = frozenset((r.policy, r.relations) for r in stock.references.values())
    views = frozenset(stock.views.values())
    return hash(
        (relations, policies, references, views, frozenset(stock.roles.values()))
    )
