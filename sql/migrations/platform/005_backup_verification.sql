-- Migration: 005_backup_verification
-- Description: which backups there are, how many rows each of them holds, and whether
-- a backup that was proved by a restore covers what is in the tables now.

-- Written by what takes backups. Not for API roles: it says where the copies lie.
create table monitoring.backup_runs (
    id bigint generated always as identity primary key,
    label text not null unique,
    type text not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    size_bytes bigint,
    wal_start text,
    wal_stop text,
    checksum text,
    location text,
    status text not null default 'running',
    verified_at timestamptz,
    constraint chk_backup_label
        check (label ~ '\S'),
    constraint chk_backup_type
        check (type in ('full', 'incremental', 'weekly', 'logical')),
    constraint chk_backup_status
        check (status in ('running', 'succeeded', 'failed', 'expired')),
    constraint chk_backup_period
        check (finished_at >= started_at),
    constraint chk_backup_finished
        check ((finished_at is null) = (status = 'running')),
    constraint chk_backup_size
        check (size_bytes >= 0),
    constraint chk_backup_wal
        check (
            (wal_start is null) = (wal_stop is null)
            and wal_start ~ '^[0-9A-F]{24}$'
            and wal_stop ~ '^[0-9A-F]{24}$'
            and wal_stop collate "C" >= wal_start collate "C"
        ),
    constraint chk_backup_verified
        check (
            verified_at is null
            or (verified_at >= finished_at and status in ('succeeded', 'expired'))
        )
);

comment on table monitoring.backup_runs is
    'One row for each backup that was begun.';
comment on column monitoring.backup_runs.type is
    'full, incremental, weekly (a full one that is kept for a year) or logical (a dump).';
comment on column monitoring.backup_runs.wal_start is
    'First WAL file that a restore needs; null for a logical backup.';
comment on column monitoring.backup_runs.wal_stop is
    'Last WAL file that a restore needs; null for a logical backup.';
comment on column monitoring.backup_runs.status is
    'running, succeeded, failed, or expired: it succeeded and has been deleted since.';
comment on column monitoring.backup_runs.verified_at is
    'When a restored copy of it was last compared with its manifest.';

create table monitoring.backup_manifests (
    backup_id bigint not null
        references monitoring.backup_runs (id) on delete cascade,
    table_name text not null,
    row_count bigint not null,
    last_updated timestamptz,
    recorded_at timestamptz not null default now(),
    primary key (backup_id, table_name),
    constraint chk_manifest_row_count
        check (row_count >= 0)
);

comment on table monitoring.backup_manifests is
    'What a backup holds, one row a table, as it was counted when the backup began.';

-- Messages and audit entries lie in partitions by day of creation, which differs from
-- the time of creation by one day at most: only the last partitions are read.
create view app_private.last_changes
with (security_invoker = true)
as
select
    'organizations' as table_name,
    pg_catalog.max(r.updated_at) as last_updated
from public.organizations as r
union all
select
    'user_profiles' as table_name,
    pg_catalog.max(r.updated_at) as last_updated
from public.user_profiles as r
union all
select
    'admin_permissions' as table_name,
    pg_catalog.max(r.created_at) as last_updated
from public.admin_permissions as r
union all
select
    'content_repositories' as table_name,
    pg_catalog.max(r.created_at) as last_updated
from public.content_repositories as r
union all
select
    'content_items' as table_name,
    pg_catalog.max(r.updated_at) as last_updated
from public.content_items as r
union all
select
    'content_versions' as table_name,
    pg_catalog.max(r.created_at) as last_updated
from public.content_versions as r
union all
select
    'content_assignments' as table_name,
    pg_catalog.max(r.updated_at) as last_updated
from public.content_assignments as r
union all
select
    'conversations' as table_name,
    pg_catalog.max(
        greatest(r.started_at, r.last_message_at, r.ended_at)
    ) as last_updated
from public.conversations as r
union all
select
    'conversation_messages' as table_name,
    pg_catalog.max(r.created_at) as last_updated
from public.conversation_messages as r
where
    r.created_date >= (
        select pg_catalog.max(n.created_date) - 2
        from public.conversation_messages as n
    )
union all
select
    'audit_logs' as table_name,
    pg_catalog.max(r.created_at) as last_updated
from public.audit_logs as r
where
    r.created_date >= (
        select pg_catalog.max(n.created_date) - 2
        from public.audit_logs as n
    );

comment on view app_private.last_changes is
    'The tables that a backup is checked for, with the time of their newest row. A row '
    'that was deleted shows in their number only.';

-- Counting reads all of a table. Above the limit, in bytes of its heap without TOAST
-- and over all partitions, the figure of the last VACUUM or ANALYZE is taken, unless
-- one of the partitions that hold something has none yet. Stable, so that all tables of
-- one statement are counted in one snapshot.
create function app_private.count_rows(relation regclass, size_limit bigint)
returns table (row_count bigint, is_estimate boolean)
language plpgsql
stable
set search_path = ''
as $$
declare
    size_bytes bigint;
    estimate bigint;
begin
    select
        pg_catalog.sum(l.size_bytes)::bigint,
        case
            when pg_catalog.bool_and(l.size_bytes = 0 or l.reltuples >= 0)
                then pg_catalog.sum(greatest(l.reltuples, 0))::bigint
        end
    into
        size_bytes,
        estimate
    from (
        select
            c.reltuples as reltuples,
            pg_catalog.pg_relation_size(c.oid) as size_bytes
        from pg_catalog.pg_class as c
        where
            c.relkind = 'r'
            and (
                c.oid = relation
                or c.oid in (
                    select t.relid
                    from pg_catalog.pg_partition_tree(relation) as t
                )
            )
    ) as l;
    if size_bytes > size_limit and estimate is not null then
        return query select estimate, true;
        return;
    end if;
    execute pg_catalog.format('select pg_catalog.count(*) from %s', relation)
    into estimate;
    return query select estimate, false;
end
$$;

create function monitoring.record_backup_manifest(p_backup_id bigint)
returns integer
language plpgsql
set search_path = ''
as $$
declare
    recorded integer;
begin
    if pg_catalog.row_security_active('public.user_profiles') then
        raise exception 'role "%" does not see all rows', current_user
            using
                errcode = 'insufficient_privilege',
                hint = 'Record manifests as the owner of the tables.';
    end if;
    perform
    from monitoring.backup_runs as b
    where b.id = p_backup_id;
    if not found then
        raise exception 'there is no backup %', p_backup_id
            using errcode = 'no_data_found';
    end if;
    insert into monitoring.backup_manifests as m (
        backup_id,
        table_name,
        row_count,
        last_updated
    )
    select
        p_backup_id,
        l.table_name,
        c.row_count,
        l.last_updated
    from app_private.last_changes as l
    cross join lateral app_private.count_rows(
        pg_catalog.format('public.%I', l.table_name)::regclass, null
    ) as c
    on conflict (backup_id, table_name) do update set
        row_count = excluded.row_count,
        last_updated = excluded.last_updated,
        recorded_at = now();
    get diagnostics recorded = row_count;
    return recorded;
end
$$;

comment on function monitoring.record_backup_manifest(bigint) is
    'Counts every table for a backup that is about to begin; returns how many there are. '
    'A dump should be taken in the same transaction or from its exported snapshot.';

create function monitoring.verify_backup_integrity()
returns table (
    table_name text,
    record_count bigint,
    last_updated timestamptz,
    backup_status text
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
    -- 1 GB: counting that much takes seconds, more of it minutes.
    size_limit constant bigint := 1073741824::bigint;
    -- How far off an estimate may be, as far as autovacuum lets it get by default.
    tolerance constant numeric := 0.2;
begin
    if pg_catalog.row_security_active('public.user_profiles') then
        raise exception 'role "%" does not see all rows', current_user
            using
                errcode = 'insufficient_privilege',
                hint = 'Verify backups as the owner of the tables.';
    end if;
    return query
    with counted as materialized (
        select
            l.table_name as table_name,
            l.last_updated as last_updated,
            c.row_count as row_count,
            case
                when c.is_estimate then tolerance * c.row_count
                else 0
            end as most_off
        from app_private.last_changes as l
        cross join lateral app_private.count_rows(
            pg_catalog.format('public.%I', l.table_name)::regclass, size_limit
        ) as c
    ),

    compared as (
        select
            t.table_name as table_name,
            b.verified_at is not null as is_proved,
            -- What changes while a backup runs may be in it or not.
            b.started_at >= t.last_updated as is_after,
            -- Null without a manifest: nobody knows what is in the backup.
            pg_catalog.abs(m.row_count - t.row_count) <= t.most_off as is_same,
            b.started_at = pg_catalog.max(b.started_at) over () as is_newest
        from counted as t
        cross join monitoring.backup_runs as b
        left join monitoring.backup_manifests as m
            on
                m.backup_id = b.id
                and m.table_name = t.table_name
        where b.status = 'succeeded'
    ),

    judged as (
        select
            c.table_name as table_name,
            pg_catalog.bool_or(c.is_after and c.is_same and c.is_proved) as is_ok,
            pg_catalog.bool_or(
                c.is_newest and not (c.is_after and c.is_same)
            ) as is_stale
        from compared as c
        group by c.table_name
    )

    select
        t.table_name,
        t.row_count,
        t.last_updated,
        case
            when j.table_name is null then 'UNVERIFIED'
            when t.row_count = 0 then 'EMPTY'
            when j.is_ok then 'OK'
            when j.is_stale then 'STALE'
            else 'UNVERIFIED'
        end
    from counted as t
    left join judged as j
        on j.table_name = t.table_name;
end
$$;

comment on function monitoring.verify_backup_integrity() is
    'Says of each table whether backups cover it. OK: a backup that was proved by a '
    'restore began after the last change, and its manifest has as many rows. STALE: the '
    'newest backup began before the last change or holds another number of rows. EMPTY: '
    'the table has no rows. UNVERIFIED: there is no backup, or none that covers the table '
    'was proved. Tables of more than 1 GB are estimated.';

revoke all on
    monitoring.backup_runs,
    monitoring.backup_manifests,
    app_private.last_changes
from public, anon, authenticated, service_role;

revoke execute on function
    app_private.count_rows(regclass, bigint),
    monitoring.record_backup_manifest(bigint),
    monitoring.verify_backup_integrity()
from public, anon, authenticated, service_role;
