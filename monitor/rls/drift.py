"""What differs from the accepted state of row level security, and what is accepted.

Whatever no difference is told about becomes part of the accepted state at once: a
table that was given policies, for instance. Else nobody would hear when it loses
them again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from operator import is_
from typing import Any, Protocol, TypeVar

from monitor.model.baseline import Baseline, Drift, Sighting
from monitor.model.catalog import Catalog, Relation
from monitor.model.persona import RlsOptions
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.view import View
from monitor.rls.changes import Change, ChangeKind, changes
from monitor.rls.exposure import exposures
from monitor.rls.inventory import Inventory, inventory
from monitor.rls.takeback import take_back

T = TypeVar("T")


class _Identified(Protocol):
    @property
    def oid(self) -> int: ...


WATCHED: frozenset[ChangeKind] = frozenset(
    {
        "rls_switched_off",
        "force_dropped",
        "owner_changed",
        "policy_created",
        "policy_dropped",
        "policy_changed",
        "function_changed",
        "view_rights_changed",
        "bypass_granted",
        "exposed_without_rls",
        "granted_to_anonymous",
    }
)
"""What widens who sees what, or may; the opposite is nobody's alarm."""

_WITH_CONTENTS: frozenset[ChangeKind] = frozenset(
    {
        "owner_changed",
        "function_changed",
        "view_rights_changed",
        "granted_to_anonymous",
    }
)
_OF_TABLES = frozenset({"rls_switched_off", "force_dropped", "owner_changed"})
_OF_POLICIES = frozenset({"policy_created", "policy_dropped", "policy_changed"})
_OF_EXPOSURE = frozenset({"exposed_without_rls", "granted_to_anonymous"})

MOST_RELATIONS = 5_000
"""Of one database: a baseline must fit into the state file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What a database, or the roles of a server, are like now.

    `parts` are what it was made of: the same objects say that nothing changed.
    """

    stock: Inventory
    exposed: Mapping[int, ExposedRelationRow]
    parts: tuple[object, ...] = ()

    def is_made_of(self, parts: tuple[object, ...]) -> bool:
        """Say whether another one, of the same place, was made of the same parts."""
        return len(parts) == len(self.parts) and all(map(is_, parts, self.parts))


def present(view: View, datname: str) -> Present | None:
    """Return a database's state without its roles; None while a part is unread."""
    stock = inventory(view, datname)
    if stock is None or not view.has(ExposedRelationRow, datname):
        return None
    rows = view.rows(ExposedRelationRow, datname)
    return Present(
        stock=replace(stock, roles={}),
        exposed={row.oid: row for row in rows},
        parts=(stock, rows),
    )


def present_roles(view: View) -> Present | None:
    """Return the server's roles; None before they have been read."""
    if not view.has(RoleAttributesRow):
        return None
    rows = view.rows(RoleAttributesRow)
    stock = Inventory(
        catalog=Catalog(datname=""), roles={row.rolname: row for row in rows}
    )
    return Present(stock=stock, exposed={}, parts=(rows,))


def drifts(
    base: Baseline, now: Present, options: RlsOptions, at: datetime
) -> tuple[Drift, ...]:
    """Return the differences from the accepted state that somebody should see."""
    before = _stock(base)
    guarded = {relation.oid for relation in base.relations}
    seen = {each.place: each for each in base.sightings}
    found = (
        *changes(before, now.stock),
        *exposures({row.oid: row for row in base.exposed}, now.exposed, options),
    )
    told = [
        _drift(change, base, now, at)
        for change in found
        if change.kind in WATCHED
        # The first policies of a table protect it.
        and (change.kind != "policy_created" or change.relid in guarded)
    ]
    return tuple(_remembered(each, seen) for each in told)


def _drift(change: Change, base: Baseline, now: Present, at: datetime) -> Drift:
    sql, undo = take_back(change, _stock(base), now.stock)
    return Drift(
        database=base.datname,
        kind=change.kind,
        object=change.object,
        oid=change.oid,
        former=change.former,
        before=change.before,
        after=change.after,
        mark=_mark(change, now.stock),
        since=at,
        accepted=base.since,
        sql=sql,
        undo=undo,
    )


def _mark(change: Change, stock: Inventory) -> str:
    """Return the contents of a change; a policy's words come later than its hash."""
    if change.kind == "policy_changed":
        reference = stock.references.get(change.oid)
        return reference.hash if reference else ""
    return change.after if change.kind in _WITH_CONTENTS else ""


def _remembered(drift: Drift, seen: Mapping[str, Sighting]) -> Drift:
    known = seen.get(_text(drift))
    if known is None:
        return drift
    return replace(drift, since=known.at, is_accepted=known.is_accepted)


def _text(drift: Drift) -> str:
    return f"{drift.place.type} {drift.place}"


def first_baseline(datname: str, now: Present, at: datetime) -> Baseline:
    """Return the state that is taken for accepted because it was met first."""
    return settled(Baseline(datname=datname, since=at), now, ())


def settled(base: Baseline, now: Present, found: Collection[Drift]) -> Baseline:
    """Return the accepted state with everything new that no difference stands for."""
    standing = [drift for drift in found if not drift.is_accepted]
    merged = _with_tables(base, now.stock, standing)
    return replace(
        merged,
        exposed=_merged(
            base.exposed, _some(now.exposed), _oids(standing, _OF_EXPOSURE), _own_oid
        ),
        functions=_merged(
            base.functions,
            now.stock.functions.values(),
            _oids(standing, {"function_changed"}),
            _own_oid,
        ),
        views=_merged(
            base.views,
            _some(now.stock.views),
            _oids(standing, {"view_rights_changed"}),
            _own_oid,
        ),
        roles=_merged(
            base.roles,
            _some(now.stock.roles),
            _oids(standing, {"bypass_granted"}),
            _own_oid,
        ),
        sightings=tuple(
            Sighting(place=_text(each), at=each.since, is_accepted=each.is_accepted)
            for each in found
        ),
        left_out=merged.left_out + max(0, len(now.exposed) - MOST_RELATIONS),
    )


def _with_tables(
    base: Baseline, stock: Inventory, standing: Collection[Drift]
) -> Baseline:
    """Return the accepted state with the tables that policies concern."""
    exists = stock.catalog.relations.__contains__
    relations = _merged(
        base.relations, _guarded(stock), _oids(standing, _OF_TABLES), _own_oid, exists
    )
    kept = {relation.oid for relation in relations[:MOST_RELATIONS]}
    policies = _oids(standing, _OF_POLICIES)
    return replace(
        base,
        relations=relations[:MOST_RELATIONS],
        policies=_merged(
            base.policies,
            (policy for policy in stock.catalog.policies if policy.relid in kept),
            policies,
            _own_oid,
        ),
        references=_merged(
            base.references,
            (row for row in stock.references.values() if row.relid in kept),
            policies,
            lambda row: row.policy,
        ),
        left_out=max(0, len(relations) - MOST_RELATIONS),
    )


def _some(rows: Mapping[Any, T]) -> Iterable[T]:
    return islice(rows.values(), MOST_RELATIONS)


def _own_oid(row: _Identified) -> int:
    return row.oid


def _stock(base: Baseline) -> Inventory:
    relations = {relation.oid: relation for relation in base.relations}
    return Inventory(
        catalog=Catalog(
            datname=base.datname, relations=relations, policies=base.policies
        ),
        roles={row.rolname: row for row in base.roles},
        functions={row.oid: row for row in base.functions},
        views={row.oid: row for row in base.views},
        references={row.policy: row for row in base.references},
    )


def _guarded(stock: Inventory) -> Iterator[Relation]:
    """Yield the tables that policies concern, without what changes all the time."""
    for relation in stock.catalog.relations.values():
        if relation.has_rls or stock.policies_of(relation.oid):
            yield replace(
                relation, columns=(), reloptions=(), reltuples=0.0, relpages=0
            )


@dataclass(frozen=True, slots=True)
class _Standing:
    """The oids of what differs, now and as accepted."""

    present: frozenset[int]
    former: frozenset[int]


def _oids(standing: Collection[Drift], kinds: Collection[str]) -> _Standing:
    chosen = [each for each in standing if each.kind in kinds]
    return _Standing(
        frozenset(each.oid for each in chosen),
        frozenset(each.former for each in chosen),
    )


def _merged(
    accepted: Iterable[T],
    present: Iterable[T],
    standing: _Standing,
    oid_of: Callable[[T], int],
    exists: Callable[[int], bool] = lambda _: True,
) -> tuple[T, ...]:
    """Return what is present, and what was accepted wherever a difference stands."""
    found = {
        oid_of(each): each for each in present if oid_of(each) not in standing.present
    }
    for each in accepted:
        oid = oid_of(each)
        if oid in standing.former and exists(oid):
            found[oid] = each
    return tuple(found[oid] for oid in sorted(found))
