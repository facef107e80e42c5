-- What the platform consists of, one object, column, rule or privilege a row: two
-- databases with the same rows have the same platform, whatever is stored in it.
--
-- The owner is called "owner", for it is another role on every server. Months of
-- partitions become YYYY_MM, because they pass. Privileges of the owner and of roles
-- pgvigil_* are left out, and MAINTAIN, which servers before 17 do not have. Views and
-- functions of the monitoring part have their own record in monitoring.repeatables.
-- To be read with search_path pg_catalog, pg_temp: definitions are printed by it.
with place as (
    select
        n.oid as oid,
        n.nspname::text as name,
        n.nspowner as owner,
        n.nspacl as acl
    from pg_catalog.pg_namespace as n
    where n.nspname in ('public', 'app_private', 'app_partitions', 'monitoring')
),

relation as (
    select
        c.oid as oid,
        p.name as schemaname,
        pg_catalog.format('%I.%I', p.name, c.relname) as name,
        c.relkind as kind,
        c.relowner as owner,
        c.relacl as acl,
        c.relrowsecurity as has_rls,
        c.relforcerowsecurity as forces_rls,
        c.relpersistence as persistence,
        pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound,
        c.reloptions as options
    from pg_catalog.pg_class as c
    join place as p on p.oid = c.relnamespace
    where
        c.relkind in ('r', 'p', 'v', 'm', 'S')
        and not exists (
            select
            from monitoring.repeatables as r
            where p.name = 'monitoring' and r.name = c.relname
        )
),

routine as (
    select
        f.oid as oid,
        pg_catalog.format(
            '%I.%I(%s)',
            p.name,
            f.proname,
            pg_catalog.pg_get_function_identity_arguments(f.oid)
        ) as name,
        f.proowner as owner,
        f.proacl as acl,
        f.provolatile as volatility,
        f.prosecdef as is_definer,
        f.proisstrict as is_strict,
        f.proconfig as config,
        f.prosrc as source,
        f.prosqlbody as body
    from pg_catalog.pg_proc as f
    join place as p on p.oid = f.pronamespace
    where
        not exists (
            select
            from monitoring.repeatables as r
            where p.name = 'monitoring' and r.name = f.proname
        )
        and not exists (
            select
            from pg_catalog.pg_depend as d
            where
                d.classid = 'pg_catalog.pg_proc'::regclass
                and d.objid = f.oid
                and d.deptype = 'e'
        )
),

privilege as (
    select
        pg_catalog.format('schema %I', p.name) as name,
        p.owner as owner,
        coalesce(p.acl, pg_catalog.acldefault('n', p.owner)) as acl
    from place as p
    where p.name <> 'public'
    union all
    select
        'table ' || r.name,
        r.owner,
        coalesce(
            r.acl,
            pg_catalog.acldefault(
                case r.kind
                    when 'S' then 's'::"char"
                    else 'r'::"char"
                end,
                r.owner
            )
        )
    from relation as r
    union all
    select
        pg_catalog.format('column %s.%I', r.name, a.attname),
        r.owner,
        a.attacl
    from relation as r
    join pg_catalog.pg_attribute as a on a.attrelid = r.oid
    where a.attacl is not null
    union all
    select
        'function ' || f.name,
        f.owner,
        coalesce(f.acl, pg_catalog.acldefault('f', f.owner))
    from routine as f
),

line as (
    select pg_catalog.format('schema %I, owner %s', p.name, o.name) as text
    from place as p
    cross join lateral (
        select
            case p.owner
                when
                    (
                        select q.owner
                        from place as q
                        where q.name = 'app_private'
                    )
                    then 'owner'
                else pg_catalog.pg_get_userbyid(p.owner)::text
            end as name
    ) as o
    where p.name <> 'public'
    union all
    select
        pg_catalog.format(
            'relation %s kind %s, persistence %s, rls %s, force %s, owner %s, '
            'options %s, %s',
            r.name,
            r.kind,
            r.persistence,
            r.has_rls,
            r.forces_rls,
            case r.owner
                when
                    (
                        select q.owner
                        from place as q
                        where q.name = 'app_private'
                    )
                    then 'owner'
                else pg_catalog.pg_get_userbyid(r.owner)::text
            end,
            r.options::text,
            coalesce(
                r.bound,
                case
                    -- Servers before 16 qualify columns where nothing needs it.
                    when r.kind in ('v', 'm')
                        then
                            pg_catalog.md5(
                                pg_catalog.regexp_replace(
                                    pg_catalog.pg_get_viewdef(r.oid),
                                    '\m\w+\.',
                                    '',
                                    'g'
                                )
                            )
                end
            )
        )
    from relation as r
    union all
    select
        pg_catalog.format(
            'column %s.%I %s%s%s%s%s',
            r.name,
            a.attname,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            case when a.attnotnull then ' not null' end,
            case a.attidentity
                when 'a' then ' identity always'
                when 'd' then ' identity by default'
            end,
            case when a.attgenerated = 's' then ' generated' end,
            ' default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        )
    from relation as r
    join pg_catalog.pg_attribute as a on a.attrelid = r.oid
    left join
        pg_catalog.pg_attrdef as d
        on d.adrelid = a.attrelid and d.adnum = a.attnum
    where r.kind <> 'S' and a.attnum > 0 and not a.attisdropped
    union all
    select
        pg_catalog.format(
            'constraint %s.%I %s%s',
            r.name,
            k.conname,
            pg_catalog.pg_get_constraintdef(k.oid),
            case when not k.convalidated then ' (not valid)' end
        )
    from relation as r
    join pg_catalog.pg_constraint as k on k.conrelid = r.oid
    -- From 18 NOT NULL is a constraint, too; the columns say it on every server.
    where k.contype <> 'n'
    union all
    select
        pg_catalog.format(
            'index %s%s',
            pg_catalog.pg_get_indexdef(i.indexrelid),
            case when not (i.indisvalid and i.indisready) then ' (invalid)' end
        )
    from relation as r
    join pg_catalog.pg_index as i on i.indrelid = r.oid
    union all
    select
        pg_catalog.format(
            'policy %s.%I %s %s to %s using %s check %s',
            r.name,
            p.polname,
            case when p.polpermissive then 'permissive' else 'restrictive' end,
            p.polcmd,
            (
                select
                    pg_catalog.string_agg(
                        case g.oid
                            when 0 then 'public'
                            else pg_catalog.pg_get_userbyid(g.oid)::text
                        end,
                        ', '
                        order by g.oid
                    )
                from pg_catalog.unnest(p.polroles) as g (oid)
            ),
            pg_catalog.pg_get_expr(p.polqual, p.polrelid),
            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
        )
    from relation as r
    join pg_catalog.pg_policy as p on p.polrelid = r.oid
    union all
    select
        pg_catalog.format(
            'trigger %s enabled %s',
            pg_catalog.pg_get_triggerdef(t.oid),
            t.tgenabled
        )
    from pg_catalog.pg_trigger as t
    where
        not t.tgisinternal
        and (
            t.tgrelid in (
                select r.oid
                from relation as r
            )
            or t.tgfoid in (
                select f.oid
                from routine as f
            )
        )
    union all
    select
        pg_catalog.format(
            'function %s returns %s, volatility %s, definer %s, strict %s, config %s, '
            'owner %s, body %s',
            f.name,
            pg_catalog.pg_get_function_result(f.oid),
            f.volatility,
            f.is_definer,
            f.is_strict,
            f.config::text,
            case f.owner
                when
                    (
                        select q.owner
                        from place as q
                        where q.name = 'app_private'
                    )
                    then 'owner'
                else pg_catalog.pg_get_userbyid(f.owner)::text
            end,
            pg_catalog.md5(
                case
                    when f.body is null then f.source
                    else pg_catalog.pg_get_function_sqlbody(f.oid)
                end
            )
        )
    from routine as f
    union all
    select
        pg_catalog.format(
            'enum %I.%I %s',
            p.name,
            t.typname,
            (
                select pg_catalog.string_agg(e.enumlabel, ', ' order by e.enumsortorder)
                from pg_catalog.pg_enum as e
                where e.enumtypid = t.oid
            )
        )
    from pg_catalog.pg_type as t
    join place as p on p.oid = t.typnamespace
    where t.typtype = 'e'
    union all
    select
        pg_catalog.format(
            'grant %s on %s to %s',
            pg_catalog.string_agg(a.privilege_type, ', ' order by a.privilege_type),
            g.name,
            case a.grantee
                when 0 then 'public'
                else pg_catalog.pg_get_userbyid(a.grantee)::text
            end
        )
    from privilege as g
    cross join lateral pg_catalog.aclexplode(g.acl) as a
    where
        a.grantee <> g.owner
        and a.privilege_type <> 'MAINTAIN'
        and not pg_catalog.pg_get_userbyid(a.grantee)::text like 'pgvigil\_%'
    group by
        g.name,
        a.grantee
)

select distinct
    pg_catalog.regexp_replace(
        case
            when l.text ~ '\mapp_partitions\.'
                then
                    pg_catalog.regexp_replace(
                        pg_catalog.regexp_replace(
                            l.text,
                            '_[0-9]{4}_[0-9]{2}(?![0-9])',
                            '_YYYY_MM',
                            'g'
                        ),
                        '[0-9]{4}-[0-9]{2}-[0-9]{2}',
                        'YYYY-MM-DD',
                        'g'
                    )
            else l.text
        end,
        '\s+',
        ' ',
        'g'
    ) collate "C" as line
from line as l
order by line
