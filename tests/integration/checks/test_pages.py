"""What pages and findings tell people to type, on real servers."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.quoting import quote_ident, quote_literal
from monitor.model.target import Credentials
from monitor.runtime.rules import discover
from tests.collecting import bench

Admin = psycopg.AsyncConnection[TupleRow]

_BLOCK = re.compile(r"(?:^    .*\n?)+", re.MULTILINE)


def statements(page: str) -> list[str]:
    """Return the indented blocks of a page's section on how to look."""
    section = page.partition("## How to look")[2].partition("\n## ")[0]
    return [block.strip() for block in _BLOCK.findall(section)]


@pytest.mark.pg("all")
async def test_what_pages_say_to_look_at_can_be_run(reader: Credentials) -> None:
    rules = (rule for rule in discover().values() if rule.kind != "advice")
    pages = {rule.name: rule.page for rule in rules}
    schema = "set search_path = public, pg_catalog"

    async with bench(reader) as at:
        await at.session.connection.execute(schema)
        for page in pages.values():
            for statement in statements(page):
                await at.session.connection.execute(statement.encode())

    assert sum(bool(statements(page)) for page in pages.values()) > 20


@pytest.mark.pg("all")
async def test_names_are_quoted_as_the_server_does_or_more(admin: Admin) -> None:
    cursor = await admin.execute(
        "select word, pg_catalog.quote_ident(word) from pg_catalog.pg_get_keywords()"
    )
    words = await cursor.fetchall()

    too_bare = [w for w, quoted in words if quoted != w and quote_ident(w) != quoted]
    assert too_bare == []


@pytest.mark.pg("all")
@pytest.mark.parametrize(
    "name", ["plain", "Mixed", "a b", 'q"q', "ünï", "1st", "", "a\nb", "$x", "a$b", "_"]
)
async def test_odd_names_are_quoted_as_the_server_does(admin: Admin, name: str) -> None:
    cursor = await admin.execute(
        "select pg_catalog.quote_ident(%s), pg_catalog.quote_literal(%s)", (name, name)
    )

    assert await cursor.fetchone() == (quote_ident(name), quote_literal(name))


@pytest.mark.pg
@pytest.mark.parametrize("text", ["it's", "a\\b", "a\\'b", "\\"])
async def test_literals_are_quoted_as_the_server_does(admin: Admin, text: str) -> None:
    cursor = await admin.execute("select pg_catalog.quote_literal(%s)", (text,))

    assert await cursor.fetchone() == (quote_literal(text),)
