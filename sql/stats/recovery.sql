-- A standby's own view of replication, one row on a standby, none on a primary.
-- An idle primary is no lag: the age is unknown once all received WAL is replayed.
-- @interval activity
-- @role standby
select
    coalesce(r.status, '') as receiver_status,  -- State of the WAL receiver, empty without one.
    case
        when p.received is not null
            then greatest(pg_catalog.pg_wal_lsn_diff(p.received, p.replayed), 0)::bigint
    end as replay_lag_bytes,                    -- WAL received but not replayed.
    case
        when p.received is not null and p.received <= p.replayed then null
        else pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
    end as replay_age_seconds,                  -- Age of the last replayed transaction.
    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - r.last_msg_receipt_time) as receiver_age_seconds,  -- Time since the last message from upstream.
    pg_catalog.pg_is_wal_replay_paused() as is_replay_paused  -- 1 if replay is paused.
from (
    select
        pg_catalog.pg_last_wal_receive_lsn() as received,
        pg_catalog.pg_last_wal_replay_lsn() as replayed
) as p
left join pg_catalog.pg_stat_wal_receiver as r on true
where pg_catalog.pg_is_in_recovery()
