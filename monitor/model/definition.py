"""An index's definition as a statement that builds it again."""

from __future__ import annotations

_HEADS = ("CREATE UNIQUE INDEX ", "CREATE INDEX ")


def concurrently(definition: str) -> str:
    """Return `pg_get_indexdef`'s text as a statement that does not block writes.

    Empty for anything that is no such text, in particular while it was not read.
    """
    for head in _HEADS:
        if definition.startswith(head):
            return f"{head}CONCURRENTLY {definition.removeprefix(head)}"
    return ""
