"""What a statement reads and writes, itself and through functions in language SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from monitor.model.rls import Command
from monitor.model.rows.sql_functions import SqlFunctionRow
from monitor.rls.naming import Names, schemas
from monitor.sqltext.outline import outline
from monitor.sqltext.syntax import Outline

Uses = dict[tuple[int, str], set[Command]]
"""What is done to relations, by oid and by the role whose rights count."""


def _no_uses() -> Uses:
    return defaultdict(set)


@dataclass(slots=True)
class Read:
    """What a statement does to relations: to those it names, and inside functions.

    `is_loose` says that a name was resolved only because it is unique.
    """

    named: Uses = field(default_factory=_no_uses)
    inside: Uses = field(default_factory=_no_uses)
    is_loose: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """What is looked through, with whose rights, and along which search_path."""

    syntax: Outline
    reader: str
    path: tuple[str, ...]
    uses: Uses


class Reading:
    """Resolves the names in statements, and those in the functions they call.

    A function with the caller's rights is read as if its body stood there, one
    with its owner's rights as the owner. Of several functions with one name all
    count. What other languages do inside is not known.
    """

    def __init__(self, names: Names, functions: Iterable[SqlFunctionRow]) -> None:
        self._names = names
        self._functions: dict[tuple[str, str], list[SqlFunctionRow]] = {}
        for each in functions:
            self._functions.setdefault((each.schemaname, each.name), []).append(each)

    def of(self, syntax: Outline, role: str) -> Read | None:
        """Return what a statement of a role reads; None where a name is unclear."""
        found = Read()
        path = self._names.path_of(role)
        pending = [_Step(syntax, role, path, found.named)]
        seen: set[tuple[int, str]] = set()
        while pending:
            step = pending.pop()
            if not self._resolve(step, found):
                return None
            for function in self._called(step):
                reader = function.owner if function.is_definer else step.reader
                if (function.oid, reader) not in seen:
                    seen.add((function.oid, reader))
                    pending.extend(_body(function, reader, step.path, found.inside))
                    for oid in function.relations:
                        found.inside[oid, reader].add("select")
        return found

    def _resolve(self, step: _Step, found: Read) -> bool:
        """Take in what one text names; say whether all of it was clear."""
        for use in step.syntax.uses:
            meaning = self._names.find(use.schema, use.name, step.path)
            if meaning.is_unclear:
                return False
            if meaning.oid is not None:
                step.uses[meaning.oid, step.reader].add(use.command)
                found.is_loose = found.is_loose or meaning.is_loose
        return True

    def _called(self, step: _Step) -> Iterator[SqlFunctionRow]:
        for schema, name in step.syntax.calls if self._functions else ():
            for each in (schema,) if schema else step.path:
                if (each, name) in self._functions:
                    yield from self._functions[each, name]
                    break


def _body(
    function: SqlFunctionRow, reader: str, path: tuple[str, ...], uses: Uses
) -> Iterator[_Step]:
    """Yield what a function's text says; nothing where it cannot be parsed."""
    found = outline(function.body) if function.body else None
    if found is not None:
        fixed = function.search_path
        searched = path if fixed is None else schemas(fixed, reader)
        yield _Step(found, reader, searched, uses)
