-- What the daemon has found in this database and still holds true, for one check.
-- No rows when no daemon has reported lately.

create or replace function monitoring.open_findings(of_check text)
returns table (
    schemaname text,
    objname text,
    severity text,
    summary text,
    remedy_sql text,
    evidence jsonb,
    first_seen timestamptz
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $body$
declare
    reporter constant text := monitoring.reporting_target('findings');
begin
    if reporter is null then
        return;
    end if;
    -- Dynamic, because the table is in the control database only.
    return query execute
        'select f.schemaname, f.objname, f.severity, f.summary, f.remedy_sql, '
        'f.evidence, f.first_seen from monitoring.findings as f '
        'where f.target = $1 and f.check_name = $2 and f.state <> ''resolved'' '
        'and f.datname = pg_catalog.current_database()'
        using reporter, of_check;
end
$body$;

comment on function monitoring.open_findings(text) is
    'What the daemon has found in this database and still holds true, for one check.';
