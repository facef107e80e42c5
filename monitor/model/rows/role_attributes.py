"""Roles with what decides whether policies bind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAttributesRow:
    """A role of the server.

    `bypasses_rls` is true for superusers, too. `privileges_of` are the roles
    whose privileges it has without SET ROLE, itself included: an owner's among
    them lift policies that are not forced. `settings` are `name=value` of ALTER
    ROLE … SET, in any database. Source: pg_roles, pg_auth_members,
    pg_db_role_setting.
    """

    KEY: ClassVar[tuple[str, ...]] = ("oid",)

    oid: int
    rolname: str
    is_superuser: bool
    bypasses_rls: bool
    can_login: bool
    privileges_of: tuple[str, ...]
    settings: tuple[str, ...]
