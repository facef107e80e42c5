-- Texts of the statements asked for, one row per statement and database.
-- Any read of texts reads all of them on the server, and fails as a whole if one is
-- not valid in this database's encoding: it runs rarely, apart from the numbers.
-- @interval texts
-- @timeout 30s
-- @lane side
select distinct on (s.queryid)
    s.queryid as queryid,
    pg_catalog.convert_to(pg_catalog.left(s.query, 100000), pg_catalog.getdatabaseencoding()) as query
from :"pg_stat_statements".pg_stat_statements(true) as s
where s.queryid = any (:'queryids'::bigint[])
order by s.queryid
