-- Migration: 001_performance_thresholds
-- Description: levels of the checks that an operator may edit with plain SQL.

create table monitoring.performance_thresholds (
    metric_name text primary key,
    warning_threshold numeric,
    critical_threshold numeric,
    check_interval interval not null default '5 minutes',
    direction text not null default 'above',
    for_duration interval,
    enabled boolean not null default true,
    labels jsonb not null default '{}',
    runbook_url text,
    updated_by text,
    updated_at timestamptz,
    constraint performance_thresholds_direction_check
        check (direction in ('above', 'below')),
    constraint performance_thresholds_order_check
        check (
            case direction
                when 'above' then warning_threshold <= critical_threshold
                else warning_threshold >= critical_threshold
            end
        ),
    constraint performance_thresholds_number_check
        check (
            warning_threshold <> 'NaN'::numeric
            and critical_threshold <> 'NaN'::numeric
        ),
    constraint performance_thresholds_interval_check
        check (check_interval > '0'::interval and for_duration >= '0'::interval),
    constraint performance_thresholds_labels_check
        check (pg_catalog.jsonb_typeof(labels) = 'object')
);

comment on table monitoring.performance_thresholds is
    'Levels of checks. Rows with updated_by override every other setting; shipped rows never do.';
comment on column monitoring.performance_thresholds.metric_name is
    'A metric of the specification, or the name of any check.';
comment on column monitoring.performance_thresholds.warning_threshold is
    'In the unit of the metric: milliseconds, connections, percent. NULL keeps the level in force.';
comment on column monitoring.performance_thresholds.for_duration is
    'How long the level must be exceeded before an alert fires. NULL keeps the one in force.';
comment on column monitoring.performance_thresholds.updated_by is
    'Who edited the row last, kept by a trigger; NULL for shipped rows.';

insert into monitoring.performance_thresholds (
    metric_name,
    warning_threshold,
    critical_threshold,
    direction
)
values
    ('avg_query_time_ms', 100, 500, 'above'),
    ('connection_count', 150, 190, 'above'),
    ('cache_hit_ratio', 90, 85, 'below'),
    ('table_bloat_ratio', 20, 40, 'above')
on conflict (metric_name) do nothing;

-- Created after the shipped rows, which therefore never count as edited. A later
-- migration that ships rows disables this trigger while it inserts them.
create function monitoring.note_threshold_edit()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $body$
begin
    if tg_op = 'UPDATE' then
        new.updated_by := old.updated_by;
        new.updated_at := old.updated_at;
        if new is not distinct from old then
            return new;
        end if;
    end if;
    -- The session's user, not the current one: SET ROLE hides who edits.
    new.updated_by := session_user::text;
    new.updated_at := pg_catalog.now();
    return new;
end
$body$;

create trigger note_edit
before insert or update on monitoring.performance_thresholds
for each row
execute function monitoring.note_threshold_edit();
