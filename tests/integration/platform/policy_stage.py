"""Who asks and whose rows there are, for the tests of row level security.

Names stand for ids everywhere: `row_id("content_items", "rival_draft")`. A row whose
name begins with "my_" exists once for every person, as does what is assigned to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import NAMESPACE_OID, UUID, uuid5

from psycopg import sql

from tests.platform import Connection

AUTHORS = {
    # Name: role, organization, department, active.
    "colleague": ("user", "acme", "sales", True),
    "clerk": ("user", "acme", "legal", True),
    "boss": ("admin", "acme", "sales", True),
    "chief": ("super_admin", "acme", "sales", True),
    "left": ("user", "acme", "sales", False),
    "rival": ("user", "rival", "sales", True),
    "third": ("user", "third", "sales", True),
    "outcast": ("user", "closed", "sales", True),
}
"""They own rows and never ask."""

_ORGANIZATIONS = {
    # Name: parent, status.
    "acme": (None, "active"),
    "branch": ("acme", "active"),
    "office": ("branch", "active"),
    "rival": (None, "trial"),
    "third": (None, "active"),
    "closed": (None, "suspended"),
    "dormant": (None, "inactive"),
}
_LATER = "now() + interval '1 day'"
_EARLIER = "now() - interval '1 day'"
_PERIODS: dict[str, tuple[str, LiteralString, LiteralString, bool]] = {
    # Suffix: access level, starts_at, expires_at, is_active.
    "read": ("read", "null", "null", True),
    "comment": ("comment", "null", "null", True),
    "edit": ("edit", _EARLIER, _LATER, True),
    "manage": ("manage", "null", _LATER, True),
    "later": ("manage", _LATER, "null", True),
    "expired": ("manage", "null", _EARLIER, True),
    "off": ("manage", "null", "null", False),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asks: under which role, as whom, with which permissions."""

    name: str
    role: str | None
    organization: str | None = None
    department: str | None = None
    permissions: tuple[str, ...] = ()
    is_active: bool = True
    database_role: str = "authenticated"
    permissions_expired: bool = False

    @property
    def id(self) -> UUID:
        return row_id("user_profiles", self.name)


def _member(name: str, *permissions: str, role: str = "user") -> Person:
    department = None if role == "admin" else "sales"
    return Person(name, role, "acme", department, permissions)


PERSONS = (
    Person("anon", None, database_role="anon"),
    Person("stranger", None),
    _member("user"),
    _member("manager", role="manager"),
    _member("creator", role="content_creator"),
    _member("admin", role="admin"),
    Person("super", "super_admin"),
    Person(
        "inactive",
        "admin",
        "acme",
        "sales",
        ("content:manage:all", "users:manage:all", "system:manage:all"),
        is_active=False,
    ),
    Person(
        "suspended",
        "manager",
        "closed",
        "sales",
        (
            "content:manage:organization",
            "users:manage:organization",
            "content:manage:department",
            "users:manage:department",
        ),
    ),
    Person("dormant", "user", "dormant", "sales"),
    Person("foreign", "user", "rival", "sales"),
    Person("loner", "content_creator"),
    _member("reads_all", "content:read:all"),
    _member("reads_org", "content:read:organization"),
    _member("reads_dept", "content:read:department"),
    _member("manages_all", "content:manage:all"),
    _member("manages_org", "content:manage:organization"),
    _member("manages_dept", "content:manage:department"),
    _member("updates_org", "content:update:organization"),
    _member("creates_dept", "content:create:department"),
    _member("deletes_org", "content:delete:organization"),
    Person(
        "expired",
        "user",
        "acme",
        "sales",
        ("content:manage:all", "users:manage:all"),
        permissions_expired=True,
    ),
    _member("users_all", "users:manage:all"),
    _member("users_org", "users:manage:organization"),
    _member("users_dept", "users:manage:department"),
    _member("system_user", "system:manage:all"),
    _member("system_admin", "system:manage:all", role="admin"),
    _member("org_admin", "system:manage:organization", role="admin"),
)
PROFILED = tuple(p for p in PERSONS if p.role)


def row_id(table: str, name: str, person: Person | None = None) -> UUID:
    """Return the id of a row, of a person's own one if its name says "my_"."""
    owner = f"/{person.name}" if person and name.startswith("my_") else ""
    return uuid5(NAMESPACE_OID, f"{table}/{name}{owner}")


async def seed(owner: Connection) -> None:
    """Write all rows, without any trigger having a say."""
    await owner.execute("set session_replication_role = replica")
    for name, (parent, status) in _ORGANIZATIONS.items():
        await insert(
            owner,
            "organizations",
            id=row_id("organizations", name),
            name=name,
            display_name=name,
            parent_id=parent and row_id("organizations", parent),
            status=status,
        )
    await _seed_profiles(owner)
    await _seed_content(owner)
    for person in PROFILED:
        await _seed_own(owner, person)
    await _seed_conversation(owner, "colleague", None)
    await owner.execute("set session_replication_role = origin")


async def insert(owner: Connection, table: str, **values: Any) -> None:
    """Insert one row."""
    await owner.execute(
        sql.SQL("insert into public.{} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    )


async def _seed_profiles(owner: Connection) -> None:
    people = [
        *((name, *facts) for name, facts in AUTHORS.items()),
        *(
            (p.name, p.role, p.organization, p.department, p.is_active)
            for p in PROFILED
        ),
    ]
    for name, role, organization, department, is_active in people:
        await owner.execute(
            "insert into auth.users (id, email) values (%s, %s)",
            [row_id("user_profiles", name), f"{name}@example.org"],
        )
        await insert(
            owner,
            "user_profiles",
            id=row_id("user_profiles", name),
            email=f"{name}@example.org",
            role=role,
            organization_id=organization and row_id("organizations", organization),
            department=department,
            is_active=is_active,
        )


async def _seed_content(owner: Connection) -> None:
    for author, organization in (
        ("colleague", "acme"),
        ("clerk", "acme"),
        ("rival", "rival"),
        ("outcast", "closed"),
    ):
        for status in ("draft", "review", "published"):
            await _add_item(
                owner, f"{author}_{status}", author, organization, status=status
            )
    await _add_item(owner, "colleague_personal", "colleague", None, status="published")
    await _add_item(owner, "branch_published", "third", "branch", status="published")
    for organization in ("acme", "closed"):
        for period in _PERIODS:
            name = f"{organization}_{period}"
            await _add_item(owner, name, "third", "third")
            await _assign(owner, name, name, period=period, organization=organization)
    for name in ("colleague_draft", "clerk_draft"):
        await _assign(owner, f"of_{name}", name, user="third")
    await owner.execute(
        "insert into public.content_repositories"
        " (id, name, display_name, content_type, is_active)"
        " values (%s, 'old', 'Old', 'video', false)",
        [row_id("content_repositories", "inactive")],
    )
    await owner.execute(
        "update public.content_repositories set id = %s where name = 'videos'",
        [row_id("content_repositories", "active")],
    )


async def _seed_own(owner: Connection, person: Person) -> None:
    for status in ("draft", "review", "published"):
        await _add_item(
            owner,
            f"my_{status}",
            person.name,
            person.organization,
            status=status,
            person=person,
        )
    for period in _PERIODS:
        name = f"my_assigned_{period}"
        await _add_item(owner, name, "third", "third", person=person)
        await _assign(owner, name, name, user=person.name, period=period, person=person)
    await _add_item(owner, "my_abroad", "rival", "rival", person=person)
    await _assign(
        owner, "my_act", "my_abroad", user="third", by=person.name, person=person
    )
    await _assign(owner, "my_content", "my_draft", user="third", person=person)
    await _assign(
        owner, "my_both", "my_review", user="third", by=person.name, person=person
    )
    expires = _EARLIER if person.permissions_expired else "null"
    for text in ("analytics:read:department", *person.permissions):
        resource, action, scope = text.split(":")
        await owner.execute(
            sql.SQL(
                "insert into public.admin_permissions"
                " (id, user_id, resource, action, scope, expires_at)"
                " values (%s, %s, %s, %s, %s, {})"
            ).format(sql.SQL(expires)),
            [
                row_id("admin_permissions", "my_own", person)
                if resource == "analytics"
                else uuid5(person.id, text),
                person.id,
                resource,
                action,
                scope,
            ],
        )
    await _seed_conversation(owner, "my_own", person)


async def _seed_conversation(
    owner: Connection, name: str, person: Person | None
) -> None:
    conversation = row_id("conversations", name, person)
    user = person.id if person else row_id("user_profiles", name)
    await insert(
        owner,
        "conversations",
        id=conversation,
        user_id=user,
        message_count=1,
        last_sequence=1,
    )
    await insert(
        owner,
        "conversation_messages",
        id=row_id("conversation_messages", name, person),
        conversation_id=conversation,
        role="user",
        content="Good morning",
        sequence_number=1,
    )
    if person is None:
        await insert(
            owner,
            "admin_permissions",
            id=row_id("admin_permissions", name),
            user_id=user,
            resource="analytics",
            action="read",
        )


async def _add_item(
    owner: Connection,
    name: str,
    author: str,
    organization: str | None,
    *,
    status: str = "draft",
    person: Person | None = None,
) -> None:
    item = row_id("content_items", name, person)
    author_id = row_id("user_profiles", author)
    await insert(
        owner,
        "content_items",
        id=item,
        repository_id=row_id("content_repositories", "active"),
        title=name,
        status=status,
        version=2,
        created_by=author_id,
        organization_id=organization and row_id("organizations", organization),
    )
    await insert(
        owner,
        "content_versions",
        id=row_id("content_versions", name, person),
        content_item_id=item,
        version_number=1,
        title=name,
        content_data="{}",
        created_by=author_id,
    )


async def _assign(
    owner: Connection,
    name: str,
    item: str,
    *,
    user: str | None = None,
    organization: str | None = None,
    by: str = "third",
    period: str = "read",
    person: Person | None = None,
) -> None:
    level, since, until, is_active = _PERIODS[period]
    await owner.execute(
        sql.SQL(
            "insert into public.content_assignments (id, content_item_id, user_id,"
            " organization_id, assigned_by, assignment_type, access_level, is_active,"
            " starts_at, expires_at)"
            " values (%s, %s, %s, %s, %s, 'optional', %s, %s, {}, {})"
        ).format(sql.SQL(since), sql.SQL(until)),
        [
            row_id("content_assignments", name, person),
            row_id("content_items", item, person),
            user and row_id("user_profiles", user),
            organization and row_id("organizations", organization),
            row_id("user_profiles", by),
            level,
            is_active,
        ],
    )
