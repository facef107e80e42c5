"""What triggers refuse although policies allow it, and what they let pass.

Each person's own rows and those of others are in policy_stage.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.integration.platform.policy_matrix import Case, attempt, completed
from tests.integration.platform.policy_stage import PERSONS
from tests.platform import Connection

REFUSED = "42501"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One update: who tries it, on which row, and how it ends."""

    table: str
    person: str
    row: str
    change: str
    outcome: str

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.person} sets {self.change} of {self.row}:"
            f" {self.outcome}"
        )


def _each(
    table: str, person: str, row: str, outcome: str, *changes: str
) -> Iterator[Guarded]:
    return (Guarded(table, person, row, change, outcome) for change in changes)


_RIGHTS = (
    "role = 'manager'",
    "is_active = false",
    "organization_id = null",
    "email = 'new@example.org'",
    "department = 'legal'",
)
_KEPT_OF_A_CONVERSATION = (
    "user_id = '{user_profiles[colleague]}'",
    "message_count = 9",
    "total_tokens = 9",
    "estimated_cost = 9",
    "last_sequence = 9",
    "last_message_at = '2001-01-01'",
    "started_at = '2001-01-01', created_date = '2001-01-01'",
    "id = gen_random_uuid()",
)
CASES = (
    *_each("user_profiles", "user", "my_self", "done", "full_name = 'New'"),
    *_each("user_profiles", "user", "my_self", REFUSED, *_RIGHTS),
    *_each("user_profiles", "user", "my_self", REFUSED, "id = gen_random_uuid()"),
    *_each("user_profiles", "users_all", "colleague", "done", "full_name = 'New'"),
    *_each("user_profiles", "users_all", "colleague", REFUSED, *_RIGHTS),
    *_each("user_profiles", "admin", "colleague", "done", *_RIGHTS),
    *_each("user_profiles", "admin", "my_self", REFUSED, "role = 'super_admin'"),
    *_each("user_profiles", "super", "colleague", "done", "role = 'super_admin'"),
    *_each("content_items", "creator", "my_draft", "done", "title = 'New'"),
    *_each(
        "content_items",
        "creator",
        "my_draft",
        REFUSED,
        "version = 9",
        "organization_id = null",
        "created_at = '2001-01-01'",
    ),
    *_each(
        "content_items",
        "manages_all",
        "rival_draft",
        REFUSED,
        "organization_id = '{organizations[acme]}'",
        "created_by = {me}",
        "id = gen_random_uuid()",
    ),
    *_each(
        "content_items",
        "super",
        "rival_draft",
        "done",
        "organization_id = '{organizations[acme]}'",
        "created_by = {me}",
    ),
    *_each(
        "content_assignments",
        "admin",
        "my_assigned_edit",
        REFUSED,
        "assigned_by = {me}",
    ),
    *_each(
        "content_assignments",
        "admin",
        "my_assigned_edit",
        "done",
        "access_level = 'read'",
    ),
    *_each("conversations", "user", "my_own", "done", "title = 'New'"),
    *_each("conversations", "user", "my_own", REFUSED, *_KEPT_OF_A_CONVERSATION),
)
# Above the policy: also a super admin speaks as a user only.
SPEAKING = (
    Guarded("conversation_messages", "user", "my_own", "role = 'user'", "done"),
    Guarded("conversation_messages", "user", "my_own", "role = 'system'", REFUSED),
    Guarded("conversation_messages", "super", "my_own", "role = 'assistant'", REFUSED),
)


async def actual(owner: Connection, table: str) -> list[Guarded]:
    """Try a table's cases, with its triggers, and return them as they end."""
    if table != "conversation_messages":
        return [await _tried(owner, case) for case in CASES if case.table == table]
    # Here the policies refuse first: they are set aside to see the guard.
    await owner.execute(
        "alter table public.conversation_messages disable row level security"
    )
    return [await _tried(owner, case) for case in SPEAKING]


async def _tried(owner: Connection, case: Guarded) -> Guarded:
    person = next(p for p in PERSONS if p.name == case.person)
    target = Case(case.table, "update", case.row, frozenset())
    if case.table == "conversation_messages":
        role = case.change.removeprefix("role = ")
        template = (
            "insert into public.conversation_messages"
            " (conversation_id, role, content)"
            f" values ('{{conversations[row]}}', {role}, 'new')"
        )
    else:
        template = (
            f"update public.{case.table} set {case.change}"
            f" where id = '{{{case.table}[row]}}'"
        )
    (outcome,) = await attempt(owner, [(person, completed(template, target, person))])
    return Guarded(case.table, case.person, case.row, case.change, outcome)


def expected(table: str) -> list[Guarded]:
    """Return a table's cases as they should end."""
    return [case for case in (*CASES, *SPEAKING) if case.table == table]


TABLES = tuple(dict.fromkeys(case.table for case in (*CASES, *SPEAKING)))
