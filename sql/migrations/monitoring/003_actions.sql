-- Migration: 003_actions
-- Description: the journal: a row is committed before anything is changed.

create table monitoring.actions (
    id bigint generated always as identity primary key,
    kind text not null,
    target text not null,
    datname text not null,
    schemaname text not null,
    objname text not null,
    oid oid not null,
    mode text not null,
    state text not null,
    sql text not null,
    undo_sql text not null default '',
    definition text not null default '',
    size_bytes bigint,
    owner text not null default '',
    lock text not null,
    reason text not null,
    evidence jsonb not null default '[]',
    finding_id text not null default '',
    actor text not null,
    epoch text not null default '',
    detail text not null default '',
    verified jsonb not null default '{}',
    created_at timestamptz not null default pg_catalog.now(),
    updated_at timestamptz not null default pg_catalog.now(),
    expires_at timestamptz,
    constraint actions_mode_check
        check (mode in ('off', 'dry_run', 'approve', 'auto')),
    constraint actions_state_check
        check (
            state in (
                'proposed',
                'awaiting_approval',
                'approved',
                'precheck',
                'executing',
                'verifying',
                'half_done',
                'repairing',
                'reported',
                'done',
                'failed_clean',
                'needs_human',
                'expired',
                'rejected',
                'undone'
            )
        )
);

create index actions_state_idx on monitoring.actions (state, updated_at);

comment on table monitoring.actions is
    'Journal of changes: what, why, how far it got, and the way back.';
comment on column monitoring.actions.oid is
    'The object as it was planned; a leftover is found by it, never by name.';
comment on column monitoring.actions.definition is
    'What the object looked like; compared again before acting.';
