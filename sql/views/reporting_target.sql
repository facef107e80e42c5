-- The target whose daemon has reported a kind lately; NULL when none has, or when this
-- is not the database in which reports are kept.

create or replace function monitoring.reporting_target(report text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    found_target text;
begin
    if pg_catalog.to_regclass('monitoring.reports') is not null then
        -- Dynamic, because the table is in the control database only.
        execute
            'select target from monitoring.reports '
            'where kind = $1 and expires_at > pg_catalog.now() '
            'order by reported_at desc limit 1'
        into found_target
        using report;
    end if;
    return found_target;
end
$body$;

comment on function monitoring.reporting_target(text) is
    'The target whose daemon has reported a kind lately; NULL when none has.';
