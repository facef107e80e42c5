-- Deletes reports older than `keep`, at most `batch` rows of each table, and counts them.
-- Open findings, firing alerts and the journal of actions are never deleted.
-- @scope control

create or replace function monitoring.prune(
    keep interval default '30 days',
    batch integer default 5000
)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $body$
declare
    horizon constant timestamptz := pg_catalog.now() - keep;
    deleted bigint;
    total bigint := 0::bigint;
begin
    delete from monitoring.samples
    where
        ctid = any (
            array(
                select s.ctid
                from monitoring.samples as s
                where s.at < horizon
                order by s.at
                limit batch
            )
        );
    get diagnostics deleted = row_count;
    total := total + deleted;

    delete from monitoring.rls_observations
    where
        ctid = any (
            array(
                select o.ctid
                from monitoring.rls_observations as o
                where o.at < horizon
                order by o.at
                limit batch
            )
        );
    get diagnostics deleted = row_count;
    total := total + deleted;

    delete from monitoring.findings
    where
        ctid = any (
            array(
                select f.ctid
                from monitoring.findings as f
                where f.state = 'resolved' and f.resolved_at < horizon
                limit batch
            )
        );
    get diagnostics deleted = row_count;
    total := total + deleted;

    delete from monitoring.advice
    where
        ctid = any (
            array(
                select a.ctid
                from monitoring.advice as a
                where a.state = 'resolved' and a.resolved_at < horizon
                limit batch
            )
        );
    get diagnostics deleted = row_count;
    total := total + deleted;

    delete from monitoring.alerts
    where
        ctid = any (
            array(
                select l.ctid
                from monitoring.alerts as l
                where l.resolved_at < horizon
                order by l.fired_at
                limit batch
            )
        );
    get diagnostics deleted = row_count;
    return total + deleted;
end
$body$;

comment on function monitoring.prune(interval, integer) is
    'Deletes reports older than an interval, in batches; never open findings or the journal.';
