"""Who may do what in schema `monitoring`: nobody but its owner and pgvigil's roles.

Platforms grant new tables and functions to the roles of their REST gateway by
default, so these are named in the revokes, not only PUBLIC. What else lies in the
schema, such as the platform's functions for its administrator, brings privileges of
its own and is left alone.
"""

from __future__ import annotations

from typing import LiteralString

ACCESS: LiteralString = """\
do $access$
declare
    -- With what is recorded in repeatables, all that the monitoring part makes, and
    -- what the platform lets it read: sums and counts, no rows.
    own_names text[] := array[
        'actions',
        'actions_id_seq',
        'advice',
        'alerts',
        'answer_figures',
        'assignment_figures',
        'conversation_figures',
        'findings',
        'note_threshold_edit',
        'performance_thresholds',
        'repeatables',
        'reports',
        'rls_observations',
        'samples',
        'schema_migrations',
        'schema_migrations_log',
        'storage_figures'
    ];
    own_relations text;
    own_sequences text;
    own_functions text;
    grantee text;
begin
    if pg_catalog.to_regnamespace('monitoring') is null then
        return;
    end if;

    if pg_catalog.to_regclass('monitoring.repeatables') is not null then
        own_names := own_names || array(select r.name from monitoring.repeatables as r);
    end if;

    select
        pg_catalog.string_agg(r.name, ', ') filter (where c.relkind <> 'S'),
        pg_catalog.string_agg(r.name, ', ') filter (where c.relkind = 'S')
    into
        own_relations,
        own_sequences
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    cross join lateral pg_catalog.format('%I.%I', n.nspname, c.relname) as r (name)
    where
        n.nspname = 'monitoring'
        and c.relkind in ('r', 'p', 'v', 'm', 'S')
        and c.relname = any(own_names);

    select pg_catalog.string_agg(p.oid::regprocedure::text, ', ')
    into own_functions
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where
        n.nspname = 'monitoring'
        and p.proname = any(own_names)
        -- What the platform's administrator owns, only they can grant.
        and pg_catalog.pg_has_role(p.proowner, 'usage');

    for grantee in
        select 'public'
        union all
        select pg_catalog.quote_ident(r.rolname)
        from pg_catalog.pg_roles as r
        where r.rolname in ('anon', 'authenticated', 'service_role')
    loop
        execute pg_catalog.format('revoke all on schema monitoring from %s', grantee);
        if own_relations is not null then
            execute 'revoke all on ' || own_relations || ' from ' || grantee;
        end if;
        if own_sequences is not null then
            execute 'revoke all on sequence ' || own_sequences || ' from ' || grantee;
        end if;
        if own_functions is not null then
            execute 'revoke all on function ' || own_functions || ' from ' || grantee;
        end if;
    end loop;

    for grantee in
        select r.rolname
        from pg_catalog.pg_roles as r
        where r.rolname in ('pgvigil_reader', 'pgvigil_maintainer', 'pgvigil_ddl')
    loop
        execute pg_catalog.format('grant usage on schema monitoring to %s', grantee);
        if own_relations is not null then
            execute 'grant select on ' || own_relations || ' to ' || grantee;
        end if;
        if own_functions is not null then
            execute 'grant execute on function ' || own_functions || ' to ' || grantee;
        end if;
        -- Statistics of every table: for whoever polls, not for those who act.
        if grantee <> 'pgvigil_reader'
            and own_functions like '%monitoring.planner_stats(oid[])%'
        then
            execute pg_catalog.format(
                'revoke all on function monitoring.planner_stats(oid[]) from %s',
                grantee
            );
        end if;
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
            if pg_catalog.to_regclass('monitoring.alerts') is not null then
                grant insert, update, delete on monitoring.alerts to pgvigil_reader;
            end if;
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
