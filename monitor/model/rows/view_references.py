"""What each view reads, and with whose rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewReferenceRow:
    """A view or materialized view and the relations its query names.

    `is_invoker` is its option security_invoker, from PostgreSQL 15; otherwise it
    reads with its owner's rights. Source: pg_rewrite, pg_depend, pg_class.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    relname: str
    kind: str
    owner: str
    is_invoker: bool
    is_barrier: bool
    relations: tuple[int, ...]
