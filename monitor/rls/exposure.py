"""Which relations requests came to reach that they could not reach before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from monitor.model.finding import ObjectRef
from monitor.model.persona import RlsOptions
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.rls.changes import Change, ChangeKind

Exposed = Mapping[int, ExposedRelationRow]
"""The relations of the exposed schemas by oid."""

_TABLES = ("r", "p")
"""Row level security exists for these; views and others have lints of their own."""


def exposures(before: Exposed, after: Exposed, options: RlsOptions) -> Iterator[Change]:
    """Yield tables that became reachable without RLS, and grants to anonymous roles.

    A new relation may be granted to anonymous roles if it is protected: services
    grant every new table by default. A table whose RLS was switched off is another
    change, and not told here.
    """
    for oid, row in after.items():
        known = before.get(oid)
        was_safe = known is None or (
            not known.has_rls and not known.may(options.api_roles)
        )
        if was_safe and is_open(row, options):
            gained = ", ".join(sorted(row.may(options.api_roles)))
            yield _change("exposed_without_rls", row, gained)
        elif known is not None:
            yield from _grants(known, row, options.anonymous_roles)


def is_open(row: ExposedRelationRow, options: RlsOptions) -> bool:
    """Say whether a role of the API reaches every row of a table."""
    return row.kind in _TABLES and not row.has_rls and bool(row.may(options.api_roles))


def _grants(
    known: ExposedRelationRow, row: ExposedRelationRow, anonymous: Iterable[str]
) -> Iterator[Change]:
    for role in anonymous:
        gained = row.may([role]) - known.may([role])
        if gained:
            told = f"{role}: {', '.join(sorted(gained))}"
            yield _change("granted_to_anonymous", row, told)


def _change(kind: ChangeKind, row: ExposedRelationRow, after: str) -> Change:
    return Change(
        kind=kind,
        object=ObjectRef(_type(row.kind), row.schemaname, row.relname),
        oid=row.oid,
        former=row.oid,
        relid=row.oid,
        after=after,
    )


def _type(kind: str) -> str:
    return {"v": "view", "m": "materialized view", "f": "foreign table"}.get(
        kind, "table"
    )
