"""Who may do what in schema `monitoring`: nobody but its owner and pgvigil's roles.

Platforms grant new tables and functions to the roles of their REST gateway by
default, so these are named in the revokes, not only PUBLIC.
"""

from __future__ import annotations

from typing import LiteralString

ACCESS: LiteralString = """\
do $access$
declare
    grantee text;
begin
    if pg_catalog.to_regnamespace('monitoring') is null then
        return;
    end if;

    for grantee in
        select 'public'
        union all
        select pg_catalog.quote_ident(r.rolname)
        from pg_catalog.pg_roles as r
        where r.rolname in ('anon', 'authenticated', 'service_role')
    loop
        execute pg_catalog.format(
            'revoke all on schema monitoring from %1$s; '
            'revoke all on all tables in schema monitoring from %1$s; '
            'revoke all on all sequences in schema monitoring from %1$s; '
            'revoke all on all functions in schema monitoring from %1$s',
            grantee
        );
    end loop;

    for grantee in
        select r.rolname
        from pg_catalog.pg_roles as r
        where r.rolname in ('pgvigil_reader', 'pgvigil_maintainer', 'pgvigil_ddl')
    loop
        execute pg_catalog.format(
            'grant usage on schema monitoring to %1$s; '
            'grant select on all tables in schema monitoring to %1$s; '
            'grant execute on all functions in schema monitoring to %1$s',
            grantee
        );
        -- The tables are in the control database only.
        if pg_catalog.to_regclass('monitoring.actions') is null then
            continue;
        elsif grantee = 'pgvigil_reader' then
            -- Not the journal: what stands there as approved is run by others.
            grant insert, update, delete
            on
                monitoring.reports,
                monitoring.samples,
                monitoring.findings,
                monitoring.advice,
                monitoring.rls_observations
            to pgvigil_reader;
        else
            execute pg_catalog.format(
                'grant insert, update on monitoring.actions to %s',
                grantee
            );
        end if;
    end loop;
end
$access$;
"""
"""A statement that can be repeated, and does nothing where the schema is missing."""
