-- Whether the server answered, one row.
-- The series is 0 while it does and goes away when it does not; pg_up is 0 then.
-- @interval 15s
select
    0 as last_scrape_error  -- 0: the server answered.
