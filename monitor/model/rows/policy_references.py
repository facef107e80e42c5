"""What each policy's expressions refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReferenceRow:
    """What one policy names, by oid.

    `relations` are the tables and views in its sub-selects, the own table
    included if it is read there. `columns` are `OID.attname` of every column that
    it names, of whichever table. `functions` are the functions, and operators'
    functions, that are not built in. `hash` changes with either expression.
    Source: pg_policy.polqual, pg_depend.
    """

    KEY: ClassVar[tuple[str, ...]] = ("policy",)

    policy: int
    relid: int
    relations: tuple[int, ...]
    columns: tuple[str, ...]
    functions: tuple[int, ...]
    hash: str
