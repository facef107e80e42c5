"""Whose schema `monitoring` is, and whether its code may run with our rights.

Reading and writing there runs what its owner attached: triggers, policies, the
functions of views. Anybody with CREATE on the database could have been there first,
so it must belong to role pgvigil_owner, to a superuser, or to the very role we are.
What is in it may belong to others who could act as its owner anyway.
"""

from __future__ import annotations

from typing import LiteralString

MONITORING: LiteralString = """
    select
        pg_catalog.pg_get_userbyid(n.nspowner)::text as owner,
        pg_catalog.has_schema_privilege(n.oid, 'usage') as is_usable,
        (r.rolsuper or r.rolname in ('pgvigil_owner', current_user))
        and not exists (
            select
            from pg_catalog.pg_class as c
            where
                c.relnamespace = n.oid
                and not pg_catalog.pg_has_role(c.relowner, n.nspowner, 'member')
        )
        and not exists (
            select
            from pg_catalog.pg_proc as p
            where
                p.pronamespace = n.oid
                and not pg_catalog.pg_has_role(p.proowner, n.nspowner, 'member')
        ) as is_trusted
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_roles as r on r.oid = n.nspowner
    where n.nspname = 'monitoring'
"""
"""One row if the schema is there: its owner, whether we may use it, and should."""


def distrust(owner: str) -> str:
    """Return why nothing in the schema is touched, as a message without full stop."""
    return f'schema "monitoring" is in the hands of role "{owner}"'


CURE = (
    "It must belong, with all that is in it, to role pgvigil_owner, to a superuser or"
    " to the role that is connected: look who made it, drop it and install again."
)
