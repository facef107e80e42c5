"""What a convention does not enforce, drifts: the tree is held to its own rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.runtime.rules import discover

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(ROOT.glob("monitor/**/*.py")) + sorted(ROOT.glob("dashboards/**/*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40
BANNED_NAMES = {"utils", "helpers", "common", "manager", "data", "misc", "base"}
BANNED_IN_TESTS = re.compile(r"unittest\.mock|\bMagicMock\b|\bAsyncMock\b|\bmocker\b")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_modules_are_short() -> None:
    long = [p for p in MODULES if len(p.read_text().splitlines()) > MOST_LINES]

    assert relative(long) == []


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in MODULES
        for function in functions(path)
        if (function.end_lineno or 0) - function.lineno >= MOST_LINES_OF_A_FUNCTION
    ]

    assert long == []


def test_modules_are_nouns() -> None:
    vague = [p for p in MODULES if p.stem in BANNED_NAMES]

    assert relative(vague) == []


def test_every_module_says_what_it_is() -> None:
    silent = [p for p in MODULES if not ast.get_docstring(tree(p))]

    assert relative(silent) == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")

    unfinished = [p for p in MODULES if marks.search(p.read_text())]

    assert relative(unfinished) == []


def test_postgresql_is_never_mocked() -> None:
    own = Path(__file__)

    mocking = [p for p in TESTS if p != own and BANNED_IN_TESTS.search(p.read_text())]

    assert relative(mocking) == []


def test_every_rule_is_named_in_a_test() -> None:
    tests = "\n".join(p.read_text() for p in TESTS)

    untested = [name for name in discover() if not re.search(rf"\b{name}\b", tests)]

    assert untested == []


def test_no_wait_on_a_server_rests_on_asyncio_timeouts() -> None:
    """asyncio.wait_for does not bound a wait on a stalled server."""
    users = [
        path
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "wait_for"
    ]

    assert relative(users) == []


def test_only_sqltext_knows_the_parser() -> None:
    users = [
        p
        for p in MODULES
        if re.search(r"^\s*(import|from) postgast", p.read_text(), re.MULTILINE)
        and "sqltext" not in p.parts
    ]

    assert relative(users) == []


def test_only_panels_knows_grafanalib() -> None:
    users = [
        p
        for p in MODULES
        if re.search(r"^\s*(import|from) grafanalib", p.read_text(), re.MULTILINE)
        and p.name != "panels.py"
    ]

    assert relative(users) == []


CASTS = re.compile(r"cast\(\s*\"?LiteralString")


def test_literal_string_is_cast_in_three_audited_places() -> None:
    casting = {str(p.relative_to(ROOT)) for p in MODULES if CASTS.search(p.read_text())}

    assert len(casting) <= 3, casting


PROMISE = re.compile(r"^\| (\d+) \|", re.MULTILINE)


def promised() -> list[int]:
    text = (ROOT / "docs" / "promises.md").read_text()
    return [int(number) for number in PROMISE.findall(text)]


def proven() -> set[int]:
    marks = re.compile(r"mark\.promise\(([\d, ]+)\)")
    found = (match for p in TESTS for match in marks.findall(p.read_text()))
    return {int(number) for match in found for number in match.split(",")}


@pytest.mark.parametrize("number", promised())
def test_every_promise_has_a_test(number: int) -> None:
    assert number in proven()


def test_every_proof_is_of_a_promise() -> None:
    assert proven() <= set(promised())


def test_sql_files_say_what_a_row_is() -> None:
    silent = [
        p
        for p in sorted((ROOT / "sql").rglob("*.sql"))
        if not p.read_text().startswith("-- ")
    ]

    assert relative(silent) == []


def test_no_query_selects_everything() -> None:
    greedy = [
        p
        for folder in ("stats", "metrics", "views", "lints")
        for p in sorted((ROOT / "sql" / folder).glob("*.sql"))
        if re.search(r"select\s+(\w+\.)?\*", p.read_text())
    ]

    assert relative(greedy) == []
