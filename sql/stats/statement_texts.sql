-- Texts of the statements asked for, one row per statement.
-- Any read of texts reads all of them on the server, and fails as a whole if one is
-- not valid in this database's encoding: it runs rarely, apart from the numbers.
-- Entries of one id can have different texts: what EXPLAIN ANALYZE or COPY runs inside
-- is kept with the text around it. The shortest is the statement alone.
-- More memory for this statement alone keeps them out of temporary files.
-- @interval texts
-- @requires statement_texts
-- @timeout 30s
-- @lane side
select distinct on (s.queryid)
    s.queryid as queryid,
    pg_catalog.convert_to(pg_catalog.left(s.query, 100000), pg_catalog.getdatabaseencoding()) as query
from (
    select pg_catalog.set_config('work_mem', '64MB', true) as work_mem
    offset 0
) as m
cross join lateral :"pg_stat_statements".pg_stat_statements(m.work_mem is not null) as s
where s.queryid = any (:'queryids'::bigint[])
order by s.queryid, pg_catalog.length(s.query)
