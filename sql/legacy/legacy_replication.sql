-- Whether the server is a standby, and how far it is behind, one row.
-- The lag is 0 on a primary and on a standby that has replayed all it received.
-- @interval 15s
with replay as (
    select
        pg_catalog.pg_is_in_recovery() as is_replica,
        case
            when not pg_catalog.pg_is_in_recovery() then 0
            when pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() then 0
            else greatest(
                0,
                pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
            )
        end as lag
)
select
    r.lag as lag,                -- Time since the last replayed transaction, in seconds.
    r.lag as lag_seconds,        -- The same.
    r.is_replica as is_replica   -- 1 on a standby.
from replay as r
