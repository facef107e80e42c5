"""What is asked of the server right before acting, one class per question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an action does not run now; `is_final` means that it never will."""

    rule: str
    reason: str
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What the session's server and role are at this moment."""

    is_standby: bool
    is_superuser: bool
    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A table as it is now, and what our role may do with it."""

    oid: int
    schema: str
    name: str
    kind: str
    owner: str
    may_act: bool
    may_maintain: bool
    may_become_owner: bool
    may_create: bool
    name_is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """An index as it is now, with all that forbids dropping it."""

    oid: int
    relid: int
    schema: str
    name: str
    definition: str
    is_valid: bool
    is_protected: bool
    is_needed: bool
    is_rebuilt_fully: bool
    covering_is_valid: bool
    comment: str
