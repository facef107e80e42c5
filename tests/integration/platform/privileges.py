"""What API roles and everyone may do on the platform's objects, as text.

privileges.txt lists it, one object and role a line: nothing else is granted.
"""

from __future__ import annotations

from pathlib import Path

from tests.platform import Connection

FILE = Path(__file__).with_name("privileges.txt")

# Privileges as they are recorded: what somebody holds through a role is that role's.
_GRANTED = """
with objects as (
    select
        'table ' || c.oid::regclass::text as name,
        coalesce(c.relacl, acldefault('r', c.relowner)) as acl
    from pg_class as c
    where
        c.relnamespace = any (%(schemas)s::regnamespace[])
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
    union all
    select
        'sequence ' || c.oid::regclass::text,
        coalesce(c.relacl, acldefault('s', c.relowner))
    from pg_class as c
    where c.relnamespace = any (%(schemas)s::regnamespace[]) and c.relkind = 'S'
    union all
    select
        'column ' || a.attrelid::regclass::text || '.' || a.attname,
        a.attacl
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    where
        c.relnamespace = any (%(schemas)s::regnamespace[])
        and a.attacl is not null
    union all
    select
        'function ' || p.oid::regprocedure::text,
        coalesce(p.proacl, acldefault('f', p.proowner))
    from pg_proc as p
    where p.pronamespace = any (%(schemas)s::regnamespace[])
    union all
    select
        'schema ' || n.nspname,
        n.nspacl
    from pg_namespace as n
    where n.oid = any (%(schemas)s::regnamespace[]) and n.nspname <> 'public'
)
select
    format(
        '%%s: %%s = %%s',
        coalesce(r.rolname, 'public'),
        o.name,
        string_agg(lower(g.privilege_type), ' ' order by g.privilege_type)
    )
from objects as o
cross join lateral aclexplode(o.acl) as g
left join pg_roles as r on r.oid = g.grantee
where
    g.grantee = 0
    or r.rolname in ('anon', 'authenticated', 'service_role')
group by o.name, r.rolname
order by 1
"""
_UNPROTECTED = """
select c.oid::regclass::text
from pg_class as c
where
    c.relnamespace in ('public'::regnamespace, 'app_partitions'::regnamespace)
    and c.relkind in ('r', 'p')
    and not c.relrowsecurity
order by 1
"""
_SCHEMAS = ["public", "app_private", "app_partitions", "monitoring"]


def expected() -> list[str]:
    """Return the lines of the file."""
    lines = FILE.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


async def granted(owner: Connection) -> list[str]:
    """Return what is granted to API roles and to everyone."""
    await owner.execute("set local search_path = pg_catalog")
    cursor = await owner.execute(_GRANTED, {"schemas": _SCHEMAS})
    return [line for (line,) in await cursor.fetchall()]


async def unprotected(owner: Connection) -> list[str]:
    """Return the tables and partitions without row level security."""
    await owner.execute("set local search_path = pg_catalog")
    return [name for (name,) in await (await owner.execute(_UNPROTECTED)).fetchall()]
