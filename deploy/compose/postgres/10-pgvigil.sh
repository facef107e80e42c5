#!/bin/sh
# Runs once, on an empty data directory: the role that pgvigil reads with.
set -eu
psql --username postgres --dbname postgres --set ON_ERROR_STOP=1 <<'SQL'
\set password `cat /run/secrets/reader_password`
create extension pg_stat_statements;
create role pgvigil_reader login connection limit 4 password :'password';
grant pg_monitor to pgvigil_reader;
SQL
