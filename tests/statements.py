"""Every SQL statement that pgvigil ships or sends, as syntax trees, for tests."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import postgast

from monitor.postgres.grants import GrantPlan, grant_scripts
from monitor.sqltext import tree

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from postgast import pg_query_pb2 as pb

ROOT = Path(__file__).parent.parent
FOLDERS = ("lints", "metrics", "migrations/monitoring", "stats", "views")
SQL_FILES = [p for f in FOLDERS for p in sorted((ROOT / "sql" / f).glob("*.sql"))]
MODULES = sorted((ROOT / "monitor" / "postgres").glob("*.py"))

_STATEMENT = re.compile(
    r"\s*(select|with|insert|update|delete|create|drop|alter|grant|revoke|do|comment"
    r"|set|reset|analyze|vacuum|deallocate|discard)\b",
    re.IGNORECASE,
)
_PSQL_NAME = re.compile(r'(?<!:):"(\w+)"')
_PSQL_VALUE = re.compile(r"(?<!:):'(\w+)'")
_VALUE = re.compile(r"(?<!%)%(\(\w+\))?s")
_NAME = re.compile(r"(?<!\{)\{\w*\}(?!\})")
PLACEHOLDER = "something"
"""What stands for an identifier that is put in when the statement is composed."""

_TRIGGER = re.compile(r"\(\)\s+returns trigger\b")
_AS_FUNCTION = "(new record, old record) returns record"


@dataclass(frozen=True, slots=True)
class Text:
    """One statement, or several, and where they stand."""

    place: str
    tree: pb.ParseResult


@dataclass(frozen=True, slots=True)
class Names:
    """What a text names; a path of one word is left to the search_path."""

    functions: frozenset[tuple[str, ...]]
    relations: frozenset[tuple[str, ...]]
    types: frozenset[tuple[str, ...]]
    operators: frozenset[tuple[str, ...]]


def shipped() -> Iterator[Text]:
    """Yield the texts of `sql/`, the bodies of their functions among them."""
    for path in SQL_FILES:
        yield from _texts(str(path.relative_to(ROOT)), _plain(path.read_text()))


def sent() -> Iterator[Text]:
    """Yield the statements that stand in the modules of `monitor/postgres`."""
    for path in MODULES:
        place = str(path.relative_to(ROOT))
        module = importlib.import_module(place.removesuffix(".py").replace("/", "."))
        composed = {v for v in vars(module).values() if isinstance(v, str)}
        literals = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for text in sorted(filter(_STATEMENT.match, composed | literals)):
            yield from _texts(place, _plain(text))
    plan = GrantPlan(version=18, databases=("app",), owners=("app",), schemas=("app",))
    for text in grant_scripts(plan).values():
        yield from _texts("grants", text)


def _plain(text: str) -> str:
    """Return a text with its placeholders replaced by something that parses."""
    text = _PSQL_NAME.sub(r"\1", text)
    text = _PSQL_VALUE.sub("null", text)
    text = _VALUE.sub("null", text)
    return _NAME.sub(PLACEHOLDER, text).replace("%%", "%")


def _texts(place: str, text: str) -> Iterator[Text]:
    try:
        parsed = postgast.parse(text)
    except postgast.PgQueryError:
        return
    yield Text(place, parsed)
    for body in _bodies(parsed, text):
        yield from _texts(place, body)


def _bodies(parsed: pb.ParseResult, text: str) -> Iterator[str]:
    """Yield the statements inside functions and DO blocks."""
    for node in tree.nodes(parsed):
        if tree.kind(node) == "do_stmt":
            yield from _procedural(text)
        if tree.kind(node) != "create_function_stmt":
            continue
        options = {
            option.def_elem.defname: option.def_elem.arg
            for option in node.create_function_stmt.options
        }
        if options["language"].string.sval == "sql":
            yield from (part.string.sval for part in options["as"].list.items)
        else:
            yield from _procedural(text)


def _procedural(text: str) -> Iterator[str]:
    """Yield the expressions and statements of PL/pgSQL, each as a statement."""
    # The parser's JSON of a trigger function's own NEW and OLD is broken.
    found = postgast.parse_plpgsql(_TRIGGER.sub(_AS_FUNCTION, text))
    for query in re.findall(r'"query": "((?:[^"\\]|\\.)*)"', json.dumps(found)):
        statement = cast("str", json.loads(f'"{query}"'))
        is_whole = _STATEMENT.match(statement)
        yield statement if is_whole else f"select {statement.split(':=')[-1]}"


def names(parsed: Message) -> Names:
    """Return every name that a server would have to look up; CTEs are not."""
    functions: set[tuple[str, ...]] = set()
    relations: set[tuple[str, ...]] = set()
    types: set[tuple[str, ...]] = set()
    operators: set[tuple[str, ...]] = set()
    own: set[tuple[str, ...]] = set()
    for node in tree.nodes(parsed):
        found = cast("Any", getattr(node, tree.kind(node), None))
        match tree.kind(node):
            case "func_call":
                functions.add(tree.names(found.funcname))
            case "range_var":
                path = (found.schemaname, found.relname)
                relations.add(tuple(filter(None, path)))
            case "type_name":
                types.add(tree.names(found.names))
            case "type_cast":
                types.add(tree.names(found.type_name.names))
            case "a_expr":
                operators.add(tree.names(found.name))
            case "common_table_expr":
                own.add((found.ctename,))
            case _:
                pass
    return Names(
        functions=frozenset(functions),
        relations=frozenset(relations - own),
        types=frozenset(types),
        operators=frozenset(operators),
    )
