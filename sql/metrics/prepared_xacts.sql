-- Prepared transactions, one row per database that has any.
-- They hold locks and the xmin horizon until they are committed or rolled back.
-- @interval 15s
select
    p.database::text as datname,                   -- Database.
    pg_catalog.count(*) as transactions,           -- Prepared transactions.
    pg_catalog.max(pg_catalog.date_part('epoch', pg_catalog.now() - p.prepared)) as max_age_seconds  -- Age of the oldest.
from pg_catalog.pg_prepared_xacts as p
group by p.database
