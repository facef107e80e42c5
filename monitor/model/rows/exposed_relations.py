"""Relations that requests can name, and what roles of the API may do with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedRelationRow:
    """A table or view of an exposed schema.

    `privileges` are `role=privilege` for each role of the API, in small letters
    (`select`, `insert`, `update`, `delete`), however it came by them; on one column
    is enough. `kind` is pg_class.relkind. Source: pg_class and the access
    privilege inquiry functions.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    schemaname: str
    relname: str
    kind: str
    has_rls: bool
    privileges: tuple[str, ...]

    def may(self, roles: Iterable[str]) -> frozenset[str]:
        """Return what these roles may do, all together."""
        wanted = frozenset(roles)
        pairs = (text.rpartition("=") for text in self.privileges)
        return frozenset(privilege for role, _, privilege in pairs if role in wanted)
