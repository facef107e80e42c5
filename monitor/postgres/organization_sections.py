"""What an export of an organization reads, section by section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from monitor.postgres.request import Request

MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Section:
    """One file of an export; `rows` is the query for its rows."""

    name: str
    rows: LiteralString


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whether the platform is there, and of which tables policies hide rows."""

    role: str
    is_installed: bool
    filtered: tuple[str, ...]


_SINCE: LiteralString = """
    e.started_at > coalesce(
        pg_catalog.now() - pg_catalog.make_interval(
            days => %(conversation_days)s::integer
        ),
        '-infinity'
    )
"""


def copy_out(rows: LiteralString) -> LiteralString:
    """Return the statement that streams a query's rows."""
    return "copy (" + rows + ") to stdout with (encoding 'UTF8')"


def _of(view: LiteralString) -> LiteralString:
    """Return the query for a section without order."""
    return (
        "select e.document::text from app_private."  # noqa: S608 - constants
        + view
        + " as e where e.organization_id = %(organization_id)s"
    )


SECTIONS = (
    Section(
        "organization",
        """
        select pg_catalog.to_jsonb(o)::text
        from public.organizations as o
        where o.id = %(organization_id)s
        """,
    ),
    Section("users", _of("exported_users")),
    Section("permissions", _of("exported_permissions")),
    Section("repositories", _of("exported_repositories")),
    Section("content", _of("exported_content")),
    Section("versions", _of("exported_versions")),
    Section("assignments", _of("exported_assignments")),
    Section("conversations", _of("exported_conversations") + " and " + _SINCE),
    Section(
        MESSAGES,
        """
        select e.document::text
        from app_private.exported_messages as e
        where e.conversation_id = any(%(conversation_ids)s)
        order by
            e.started_at,
            e.conversation_id,
            e.sequence_number
        """,
    ),
)

CONVERSATIONS: LiteralString = (
    """
    select
        e.started_at as started_at,
        e.id as id
    from app_private.exported_conversations as e
    where
        e.organization_id = %(organization_id)s
        and """
    + _SINCE
    + """
        and (e.started_at, e.id) > (%(started_at)s::timestamptz, %(id)s)
    order by
        e.started_at,
        e.id
    limit %(most)s
"""
)
"""The next conversations after one, so that messages are read in portions."""

PLACE = Request(
    name="place",
    sql="""
        select
            current_user::text as role,
            pg_catalog.to_regclass('app_private.exported_messages') is not null
                as is_installed,
            coalesce(
                (
                    select pg_catalog.array_agg(c.relname::text order by c.relname)
                    from pg_catalog.pg_class as c
                    where
                        c.oid in (
                            pg_catalog.to_regclass('public.organizations'),
                            pg_catalog.to_regclass('public.user_profiles'),
                            pg_catalog.to_regclass('public.admin_permissions'),
                            pg_catalog.to_regclass('public.content_repositories'),
                            pg_catalog.to_regclass('public.content_items'),
                            pg_catalog.to_regclass('public.content_versions'),
                            pg_catalog.to_regclass('public.content_assignments'),
                            pg_catalog.to_regclass('public.conversations'),
                            pg_catalog.to_regclass('public.conversation_messages')
                        )
                        and pg_catalog.row_security_active(c.oid)
                ),
                '{}'
            ) as filtered
    """,
    row=Place,
)

SNAPSHOT: LiteralString = """
    select
        o.name as organization_name,
        pg_catalog.statement_timestamp() as snapshot_at,
        pg_catalog.current_database()::text as datname,
        pg_catalog.current_setting('server_version') as server_version,
        (
            select pg_catalog.max(m.version)
            from public.schema_migrations as m
        ) as schema_version
    from public.organizations as o
    where o.id = %(organization_id)s
"""

BEGIN = (
    Request(
        name="begin",
        sql="begin transaction isolation level repeatable read, read only",
    ),
    # Rows that a policy would hide become an error, whatever was found out before.
    Request(name="fail_on_policies", sql="set local row_security = off"),
    Request(
        name="wait_for_disk",
        sql="set local idle_in_transaction_session_timeout = '10min'",
    ),
    Request(name="wait_for_locks", sql="set local lock_timeout = '10s'"),
)
END = Request(name="end", sql="rollback")
