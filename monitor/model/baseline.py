"""What row level security was when it was last accepted, and what differs from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from monitor.model.catalog import Policy, Relation
from monitor.model.finding import ObjectRef
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When a difference was first seen; `place` is `Drift.place` as text."""

    place: str
    at: datetime
    is_accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The accepted state of one database, or of the roles of a server.

    `relations` are the tables with row level security or policies, without
    columns and figures. `left_out` counts those beyond the most that are kept.
    """

    datname: str
    since: datetime
    relations: tuple[Relation, ...] = ()
    policies: tuple[Policy, ...] = ()
    references: tuple[PolicyReferenceRow, ...] = ()
    functions: tuple[PolicyFunctionRow, ...] = ()
    views: tuple[ViewReferenceRow, ...] = ()
    roles: tuple[RoleAttributesRow, ...] = ()
    exposed: tuple[ExposedRelationRow, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference between the accepted state and the present one.

    `kind`, `oid` and `former` are those of `monitor.rls.changes`. `before` and
    `after` say it in words; `mark` is what tells it from another change of the same
    kind, empty where there can be one only. `sql` takes the change back, `undo`
    makes it again; both are empty where the former state is not known well enough.
    """

    database: str
    kind: str
    object: ObjectRef
    oid: int
    former: int
    before: str
    after: str
    mark: str
    since: datetime
    accepted: datetime
    is_accepted: bool = False
    sql: str = ""
    undo: str = ""

    @property
    def place(self) -> ObjectRef:
        """Return the object with the change: to mute one is not to mute the next."""
        words = [self.object.name, self.kind]
        if self.mark:
            words.append(hashlib.sha256(self.mark.encode()).hexdigest()[:8])
        return ObjectRef(self.object.type, self.object.schema, " ".join(words))
