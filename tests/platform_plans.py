"""What a plan says about a table behind a policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

Node = dict[str, Any]
POLICIES = {
    "content_items": "organization_id",
    "conversations": "user_id",
    "conversation_messages": "conversation_id",
}
"""The large tables, with the column by which a policy finds a user's rows."""


async def explain(connection: psycopg.AsyncConnection[Any], table: str) -> Node:
    """Return the plan of counting a table's rows, as whom the connection acts for."""
    cursor = await connection.execute(
        f"explain (format json) select count(*) from {table}".encode()
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def nodes(plan: Node) -> Iterator[Node]:
    """Yield each node of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def conditions(plan: Node) -> str:
    """Return all index conditions of a plan, one a line."""
    return "\n".join(str(n["Index Cond"]) for n in nodes(plan) if "Index Cond" in n)


def read_whole(plan: Node, table: str) -> set[str]:
    """Return the table, or its partitions, that the plan reads from end to end.

    Those without any rows cost nothing and do not count.
    """
    return {
        str(n["Relation Name"])
        for n in nodes(plan)
        if n["Node Type"] == "Seq Scan"
        and str(n["Relation Name"]).startswith(table)
        and n["Total Cost"] > 0
    }
