-- Standbys and other WAL receivers of this server, one row per WAL sender.
-- Lags are measured against the WAL position here, on a cascading standby the
-- replayed one. Seconds are NULL when the receiver is idle.
-- @interval activity
select
    r.application_name as application_name,              -- Name the receiver gave itself.
    coalesce(pg_catalog.host(r.client_addr), '') as client_addr,  -- Address of the receiver.
    coalesce(r.usename::text, '') as usename,            -- Role of the receiver.
    r.pid as pid,
    coalesce(r.state, '') as state,                      -- State of the WAL sender.
    coalesce(r.sync_state, '') as sync_state,            -- Synchronous state.
    pg_catalog.pg_wal_lsn_diff(p.lsn, r.sent_lsn)::bigint as sent_lag_bytes,      -- WAL not yet sent.
    pg_catalog.pg_wal_lsn_diff(p.lsn, r.flush_lsn)::bigint as flush_lag_bytes,    -- WAL not yet flushed there.
    pg_catalog.pg_wal_lsn_diff(p.lsn, r.replay_lsn)::bigint as replay_lag_bytes,  -- WAL not yet replayed there.
    pg_catalog.date_part('epoch', r.write_lag) as write_lag_seconds,    -- Time until recent WAL was written there.
    pg_catalog.date_part('epoch', r.flush_lag) as flush_lag_seconds,    -- Time until recent WAL was flushed there.
    pg_catalog.date_part('epoch', r.replay_lag) as replay_lag_seconds,  -- Time until recent WAL was replayed there.
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - r.reply_time) as reply_age_seconds,  -- Time since the receiver's last message.
    pg_catalog.age(r.backend_xmin) as backend_xmin_age   -- Age in transactions of the horizon the receiver holds.
from pg_catalog.pg_stat_replication as r
cross join lateral (
    select
        case
            when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
            else pg_catalog.pg_current_wal_lsn()
        end as lsn
) as p
