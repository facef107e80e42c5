"""The specification's views and functions, each with content that was provoked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitor.postgres.migration_files import load_views
from monitor.postgres.throwaway import ThrowawayServer
from tests.integration.postgres.schema import (
    Admin,
    ensure_role,
    installed,
    rows,
    scalar,
)

DEBIAN = Path("/usr/lib/postgresql/15")
PLPGSQL_CHECK = Path("/usr/share/postgresql/15/extension/plpgsql_check.control")
VIEWS = {
    "performance_summary": "query calls total_time mean_time rows hit_percent",
    "table_performance": (
        "schemaname tablename seq_scan seq_tup_read idx_scan idx_tup_fetch n_tup_ins"
        " n_tup_upd n_tup_del n_tup_hot_upd n_live_tup n_dead_tup last_vacuum"
        " last_autovacuum last_analyze last_autoanalyze"
    ),
    "unused_indexes": (
        "schemaname tablename indexname idx_scan index_size drop_statement"
    ),
}
FUNCTIONS = {
    "analyze_rls_performance": (
        "table_name text, policy_name text, avg_execution_time numeric,"
        " total_executions bigint, performance_rating text"
    ),
    "check_performance_alerts": (
        "alert_level text, metric_name text, current_value numeric,"
        " threshold_value numeric, recommendation text"
    ),
    "suggest_missing_indexes": (
        "table_name text, column_name text, seq_scan_count bigint, rows_read bigint,"
        " suggested_index text, potential_improvement text"
    ),
    "validate_performance_targets": (
        "metric_name text, current_value numeric, target_value numeric, status text"
    ),
}


@pytest.fixture
async def db(conninfo: str, admin: Admin) -> Admin:
    await installed(conninfo)
    return admin


def caught(connection: Admin) -> list[str]:
    """Collect the notices of a connection from now on."""
    found: list[str] = []
    connection.add_notice_handler(lambda d: found.append(d.message_primary or ""))
    return found


async def until(db: Admin, query: str) -> None:
    """Wait until statistics show what a query asks for."""
    for _ in range(500):
        await db.execute("select pg_stat_clear_snapshot()")
        if await scalar(db, query.encode()):
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"statistics never showed: {query}")


async def report(db: Admin, kind: str, *, minutes: float = 5) -> datetime:
    """Make a daemon report now, current for some minutes."""
    at = datetime.now(UTC)
    await db.execute(
        "insert into monitoring.reports values ('orders', %s, %s, %s)",
        [kind, at, at + timedelta(minutes=minutes)],
    )
    return at


@pytest.mark.pg("all")
async def test_names_and_columns_are_the_specifications(db: Admin) -> None:
    for view, columns in VIEWS.items():
        found = await rows(
            db,
            "select attname from pg_attribute where attrelid = %s::regclass"
            " and attnum > 0 order by attnum",
            f"monitoring.{view}",
        )
        wanted = columns.split()
        assert [name for (name,) in found][: len(wanted)] == wanted
    for function, columns in FUNCTIONS.items():
        result = await scalar(
            db,
            "select pg_get_function_result(%s::regproc)",
            f"monitoring.{function}",
        )
        assert str(result).startswith(f"TABLE({columns}")


@pytest.mark.pg("all")
@pytest.mark.requirement("X2")
async def test_every_function_has_a_fixed_search_path_and_its_callers_rights(
    db: Admin,
) -> None:
    loose = await rows(
        db,
        """
        select proname from pg_proc
        where pronamespace = 'monitoring'::regnamespace
            and (prosecdef or proconfig is null
                or not 'search_path=pg_catalog, pg_temp' = any (proconfig))
        """,
    )

    assert loose == []


@pytest.mark.pg("all")
async def test_all_of_them_run_without_data_extension_or_daemon(
    db: Admin, major: int
) -> None:
    for item in load_views(major=major, scope="control"):
        if item.kind == "view":
            await db.execute(f"select * from monitoring.{item.name}".encode())
    for function in (*FUNCTIONS, "automated_maintenance"):
        await db.execute(f"select * from monitoring.{function}()".encode())


async def test_objects_of_the_caller_never_stand_in_for_the_systems(db: Admin) -> None:
    await db.execute("create table public.spy (what text)")
    await db.execute(
        "create function public.round(numeric, integer) returns numeric"
        " language sql as $$ insert into public.spy values ('round');"
        " select $1 $$"
    )
    await db.execute("set search_path = public, pg_catalog")

    for function in (*FUNCTIONS, "automated_maintenance"):
        await db.execute(f"select * from monitoring.{function}()".encode())
    for view in VIEWS:
        await db.execute(f"select * from monitoring.{view}".encode())

    assert await rows(db, "select * from public.spy") == []


@pytest.mark.requirement("X4")
@pytest.mark.skipif(not PLPGSQL_CHECK.exists(), reason="plpgsql_check is missing")
async def test_plpgsql_check_finds_nothing() -> None:
    with ThrowawayServer(binaries=DEBIAN / "bin") as server:
        await installed(server.conninfo())
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as connection:
            await connection.execute("create extension plpgsql_check")
            found = await rows(
                connection,
                """
                select p.proname, c.lineno, c.level, c.message
                from pg_proc as p
                join pg_language as l on l.oid = p.prolang
                cross join lateral plpgsql_check_function_tb(
                    p.oid::regprocedure,
                    case
                        when p.prorettype = 'trigger'::regtype
                            then 'monitoring.performance_thresholds'::regclass
                        else 0
                    end,
                    fatal_errors => false,
                    extra_warnings => true,
                    performance_warnings => true,
                    security_warnings => true
                ) as c
                where p.pronamespace = 'monitoring'::regnamespace
                    and l.lanname = 'plpgsql'
                """,
            )

    assert found == []


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.1-b")
async def test_statements_are_those_of_this_database_at_top_level(
    db: Admin, database: str
) -> None:
    await db.execute("create schema extensions")
    await db.execute("create extension pg_stat_statements schema extensions")
    await db.execute("create table public.things as select 1 as id")
    for _ in range(3):
        await db.execute("select pg_sleep(0.1) from public.things")

    found = await rows(
        db,
        "select calls, total_time >= mean_time, rows, username"
        " from monitoring.performance_summary where query like '%from public.things%'"
        " and query not like '%performance_summary%'",
    )

    assert found == [(3, True, 3, "postgres")]
    assert database


@pytest.mark.requirement("S8.1.1-b")
async def test_the_daemons_own_statements_are_left_out(db: Admin) -> None:
    await db.execute("create extension pg_stat_statements")
    await ensure_role(db, "pgvigil_reader")
    async with db.transaction():
        await db.execute("set local role pgvigil_reader")
        await db.execute("select 1 as own_statement")

    assert (
        await rows(
            db,
            "select 1 from monitoring.statements() where query like '%own_statement'",
        )
        == []
    )


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.1-a")
async def test_a_missing_or_old_extension_is_said_and_harms_nothing(db: Admin) -> None:
    notices = caught(db)

    without = await rows(db, "select * from monitoring.performance_summary")
    await db.execute("create extension pg_stat_statements version '1.7'")
    old = await rows(db, "select * from monitoring.performance_summary")
    await db.execute("alter extension pg_stat_statements update")
    current = await rows(db, "select * from monitoring.performance_summary")

    assert (without, old) == ([], [])
    assert current
    assert "is not installed" in notices[0]
    assert "older than 1.8" in notices[1]


async def test_the_extension_can_be_dropped_at_any_time(db: Admin) -> None:
    await db.execute("create extension pg_stat_statements")
    await db.execute("select * from monitoring.performance_summary")

    await db.execute("drop extension pg_stat_statements")

    assert await rows(db, "select * from monitoring.performance_summary") == []


async def test_a_library_that_is_not_loaded_is_said() -> None:
    with ThrowawayServer({"shared_preload_libraries": ""}) as server:
        await installed(server.conninfo())
        async with await psycopg.AsyncConnection.connect(
            server.conninfo(), autocommit=True
        ) as connection:
            await connection.execute("create schema s")
            await connection.execute("create extension pg_stat_statements schema s")
            notices = caught(connection)

            found = await rows(
                connection, "select * from monitoring.performance_summary"
            )

    assert found == []
    assert notices == ['library "pg_stat_statements" is not loaded']


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.1-c")
async def test_tables_show_partitions_under_their_parent(db: Admin) -> None:
    await db.execute(
        "create table public.plain (id int primary key);"
        "create table public.parted (id int) partition by range (id);"
        "create table public.p1 partition of parted for values from (0) to (50);"
        "create table public.p2 partition of parted for values from (50) to (100);"
        "create schema auth; create table auth.users (id int);"
    )
    await db.execute("insert into parted select generate_series(0, 99)")
    await db.execute("insert into plain select generate_series(1, 10)")
    await db.execute("delete from parted where id < 20")
    await until(
        db, "select sum(n_tup_del) = 20 from pg_stat_user_tables where relname = 'p1'"
    )

    found = await rows(
        db,
        "select schemaname, tablename, n_tup_ins, n_tup_del, n_dead_tup, dead_ratio,"
        " size_bytes >= 16384, frozen_xid_age > 0"
        " from monitoring.table_performance order by 2",
    )

    assert [r[:6] for r in found] == [
        ("public", "parted", 100, 20, 20, Decimal("0.2")),
        ("public", "plain", 10, 0, 0, Decimal(0)),
    ]
    assert [r[6:] for r in found] == [(True, True), (True, True)]


@pytest.mark.pg
@pytest.mark.promise(2)
async def test_no_view_waits_for_a_locked_table(db: Admin, conninfo: str) -> None:
    await db.execute("create table public.busy (id int primary key, v int)")
    await db.execute("create index one on busy (v); create index two on busy (v)")
    await db.execute("set lock_timeout = '2s'")
    async with await psycopg.AsyncConnection.connect(conninfo) as holder:
        await holder.execute("lock table public.busy in access exclusive mode")

        for view in (
            "table_performance",
            "unused_indexes",
            "duplicate_indexes",
            "redundant_indexes",
            "invalid_indexes",
        ):
            await db.execute(f"select * from monitoring.{view}".encode())
        listed = await rows(db, "select indexname from monitoring.duplicate_indexes")

    assert listed == [("two",)]


INDEX_ZOO = """
create table public.refs (id int primary key);
create table public.zoo (
    id int primary key, u int unique, a int, b int, c text, d int,
    r int references refs, e tsrange, exclude using gist (e with &&)
);
create index droppable on zoo (a);
create index "Needs Quotes" on zoo (b);
create unique index unique_one on zoo (d);
create index on_expression on zoo (lower(c));
create index for_key on zoo (r);
create index kept on zoo (c);
comment on index kept is 'pgvigil:keep until the audit';
create index clustered on zoo (b desc);
alter table zoo cluster on clustered;
create index used on zoo (d, a);
create table public.ident (id int not null);
create unique index identity on ident (id);
alter table ident replica identity using index identity;
create table public.parted (id int, v int) partition by range (id);
create table public.part partition of parted for values from (0) to (9);
create index on parted (v);
"""


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.1-b")
async def test_only_what_can_really_be_dropped_is_listed_as_unused(db: Admin) -> None:
    await db.execute(INDEX_ZOO)
    await db.execute("set enable_seqscan = off")
    await db.execute("select * from zoo where d = 1 and a = 1")
    await until(
        db,
        "select idx_scan > 0 from pg_stat_user_indexes where indexrelname = 'used'",
    )
    early = await rows(db, "select * from monitoring.unused_indexes")
    await db.execute("set pgvigil.observation_window = '0'")

    found = await rows(
        db,
        "select indexname, drop_statement, source from monitoring.unused_indexes"
        " order by 1",
    )
    for _, statement, _ in found:
        await db.execute(statement.encode())

    assert early == []
    assert found == [
        (
            "Needs Quotes",
            'DROP INDEX CONCURRENTLY public."Needs Quotes";',
            "catalog",
        ),
        ("droppable", "DROP INDEX CONCURRENTLY public.droppable;", "catalog"),
        ("parted_v_idx", "DROP INDEX public.parted_v_idx;", "catalog"),
    ]
    assert await rows(db, "select * from monitoring.unused_indexes") == []


@pytest.mark.pg
async def test_with_a_daemon_its_verdict_on_indexes_is_shown(
    db: Admin, database: str
) -> None:
    await db.execute(INDEX_ZOO)
    await db.execute("set pgvigil.observation_window = '0'")
    at = await report(db, "findings")
    for name, remedy in (("droppable", "DROP INDEX x"), ("used", None)):
        await db.execute(
            """
            insert into monitoring.findings (
                id, target, datname, check_name, kind, severity, object_type,
                schemaname, objname, title, summary, evidence, unknowns, confidence,
                remedy_sql, state, first_seen, last_seen
            )
            values (
                %s, 'orders', %s, 'unused_index', 'advice', 'info', 'index',
                'public', %s, 't', 's', '[]', '[]', 'high', %s, 'open', %s, %s
            )
            """,
            [name, database, name, remedy, at, at],
        )

    found = await rows(
        db, "select indexname, drop_statement, source from monitoring.unused_indexes"
    )
    await db.execute("update monitoring.reports set expires_at = now()")
    silent = await rows(db, "select distinct source from monitoring.unused_indexes")

    assert found == [("droppable", "DROP INDEX x", "daemon")]
    assert silent == [("catalog",)]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.1-b")
async def test_duplicates_are_listed_and_near_misses_are_not(db: Admin) -> None:
    await db.execute(
        """
        create table public.t (a int, b int, c text, u int unique);
        create index first on t (a);
        create index second on t (a);
        create index descending on t (a desc);
        create index partial on t (a) where b > 0;
        create index   same_partial on t   (a)   where   b > 0;
        create index other_partial on t (a) where b > 1;
        create index collated on t (c collate "C");
        create index plain_text on t (c);
        create index pattern on t (c text_pattern_ops);
        create index hashed on t using hash (a);
        create index of_unique on t (u);
        create index one_expression on t (lower(c));
        create index   two_expression on t   (lower(c));
        """
    )

    found = await rows(
        db,
        "select indexname, kept_index, drop_statement from"
        " monitoring.duplicate_indexes order by 1",
    )

    assert [r[:2] for r in found] == [
        ("of_unique", "t_u_key"),
        ("same_partial", "partial"),
        ("second", "first"),
        ("two_expression", "one_expression"),
    ]
    for *_, statement in found:
        await db.execute(statement.encode())
    assert await rows(db, "select * from monitoring.duplicate_indexes") == []


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.1-b")
async def test_a_prefix_of_a_longer_index_is_redundant_and_near_misses_are_not(
    db: Admin,
) -> None:
    await db.execute(
        """
        create table public.t (a int, b int, c int, d text);
        create index long on t (a, b, c);
        create index prefix on t (a, b);
        create index second_column on t (b);
        create index other_order on t (a, b desc);
        create unique index must_be_unique on t (a);
        create index partial on t (a) where b > 0;
        create index with_more on t (c) include (d);
        create index without_more on t (c);
        create index as_hash on t using hash (a);
        """
    )

    found = await rows(
        db,
        "select indexname, covering_index from monitoring.redundant_indexes order by 1",
    )

    assert found == [("prefix", "long"), ("without_more", "with_more")]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.1-b")
async def test_invalid_leftovers_are_listed_with_a_statement_that_works(
    db: Admin,
) -> None:
    await db.execute("create table public.t (a int)")
    await db.execute("insert into t values (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await db.execute("create unique index concurrently broken on t (a)")

    found = await rows(
        db,
        "select indexname, is_building, drop_statement from monitoring.invalid_indexes",
    )
    await db.execute(found[0][2].encode())

    assert found == [("broken", False, "DROP INDEX CONCURRENTLY public.broken;")]
    assert await rows(db, "select * from monitoring.invalid_indexes") == []


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.2-f")
async def test_alerts_without_a_daemon_are_momentary_and_say_so(db: Admin) -> None:
    quiet = await rows(db, "select * from monitoring.check_performance_alerts()")
    await db.execute(
        "update monitoring.performance_thresholds"
        " set warning_threshold = 1, critical_threshold = 1000"
        " where metric_name = 'connection_count'"
    )

    warned = await rows(db, "select * from monitoring.check_performance_alerts()")
    await db.execute(
        "update monitoring.performance_thresholds set critical_threshold = 1"
        " where metric_name = 'connection_count'"
    )
    critical = await rows(
        db, "select alert_level from monitoring.check_performance_alerts()"
    )
    await db.execute("update monitoring.performance_thresholds set enabled = false")
    disabled = await rows(db, "select * from monitoring.check_performance_alerts()")

    assert quiet == []
    level, metric, value, threshold, recommendation = warned[0]
    assert (level, metric, threshold) == ("WARNING", "connection_count", 1)
    assert value >= 1
    assert "No daemon reports" in recommendation
    assert critical == [("CRITICAL",)]
    assert disabled == []


@pytest.mark.pg
@pytest.mark.requirement("S8.1.2-f")
async def test_alerts_are_the_daemons_latest_while_it_reports(db: Admin) -> None:
    at = await report(db, "samples")
    insert = (
        "insert into monitoring.samples values (%s, 'orders', 'app',"
        " 'cache_hit_ratio', 'database', '', 'app', %s, 'percent', %s, 90, 'look')"
    )
    earlier = at - timedelta(minutes=5)
    await db.execute(insert, [earlier, 50.0, "critical"])
    await db.execute(insert, [at, 88.257, "warning"])
    await db.execute(insert, [at, 95.0, None])

    found = await rows(db, "select * from monitoring.check_performance_alerts()")

    assert found == [("WARNING", "cache_hit_ratio", Decimal("88.26"), 90, "look")]


@pytest.mark.pg("all")
@pytest.mark.requirement("S9.3.1-f")
async def test_targets_without_figures_have_no_data(db: Admin) -> None:
    found = await rows(
        db,
        "select metric_name, target_value, status"
        " from monitoring.validate_performance_targets()",
    )

    assert found == [
        ("avg_query_time", 100, "NO_DATA"),
        ("p95_query_time", 100, "NO_DATA"),
        ("rls_policy_performance", 10, "NO_DATA"),
        ("ai_response_p95", 15000, "NO_DATA"),
        ("api_p99_db", 1000, "NO_DATA"),
        ("availability", Decimal("99.9"), "NO_DATA"),
    ]


@pytest.mark.pg
@pytest.mark.requirement("S9.3.1-f")
async def test_targets_are_judged_on_reported_figures(db: Admin) -> None:
    at = await report(db, "samples")
    for metric, value in (
        ("p95_query_time_ms", 250.0),
        ("api_p99_db_ms", 20.0),
        ("availability_percent", 99.0),
    ):
        await db.execute(
            "insert into monitoring.samples values (%s, 'orders', '', %s, 'server',"
            " '', '', %s, '', null, null, '')",
            [at, metric, value],
        )

    found = await rows(
        db,
        "select metric_name, current_value, status"
        " from monitoring.validate_performance_targets() where status <> 'NO_DATA'",
    )

    assert found == [
        ("p95_query_time", 250, "FAIL"),
        ("api_p99_db", 20, "PASS"),
        ("availability", 99, "FAIL"),
    ]


@pytest.mark.pg
async def test_the_average_of_all_recorded_statements_serves_without_a_daemon(
    db: Admin,
) -> None:
    await db.execute("create extension pg_stat_statements")
    for _ in range(101):
        await db.execute("select 1 as probe")

    found = await rows(
        db,
        "select status, current_value < 100"
        " from monitoring.validate_performance_targets()"
        " where metric_name = 'avg_query_time'",
    )

    assert found == [("PASS", True)]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.1-a")
async def test_keys_without_an_index_are_suggested_and_the_statement_works(
    db: Admin,
) -> None:
    await db.execute(
        """
        create table public.parent (id int primary key, part int, unique (id, part));
        create table public."Child" (
            id int, "Parent Id" int references parent, served int references parent
        );
        create index on "Child" (served, id);
        create table public.small (p int references parent);
        insert into parent select g, g from generate_series(1, 2000) as g;
        insert into "Child" select g, g, g from generate_series(1, 2000) as g;
        analyze "Child";
        """
    )
    for _ in range(3):
        await db.execute('select count(*) from "Child"')
    await until(
        db, "select seq_scan >= 3 from pg_stat_user_tables where relname = 'Child'"
    )

    too_few = await rows(db, "select * from monitoring.suggest_missing_indexes()")
    found = await rows(db, "select * from monitoring.suggest_missing_indexes(3, 5000)")
    await db.execute(found[0][4].encode())

    assert too_few == []
    table, column, scans, read, statement, improvement = found[0]
    assert len(found) == 1
    assert (table, column) == ('public."Child"', "Parent Id")
    assert scans >= 3
    assert read >= 6000
    assert statement == 'CREATE INDEX CONCURRENTLY ON public."Child" ("Parent Id");'
    assert "not costed" in improvement
    assert "no daemon reports" in improvement
    assert (
        await rows(db, "select * from monitoring.suggest_missing_indexes(3, 5000)")
        == []
    )


@pytest.mark.pg
async def test_suggestions_are_the_daemons_while_it_reports(
    db: Admin, database: str
) -> None:
    at = await report(db, "advice")
    for identity, check, scans in (("1", "missing_index", 10), ("2", "key", None)):
        await db.execute(
            """
            insert into monitoring.advice (
                id, target, datname, check_name, table_name, column_names, statement,
                undo, potential_improvement, seq_scan, seq_tup_read, summary,
                evidence, unknowns, confidence, state, first_seen, last_seen
            )
            values (
                %s, 'orders', %s, %s, 'public.t', '{a,b}', %s, '', 'not costed', %s,
                %s, '', '[]', '[]', 'low', 'open', %s, %s
            )
            """,
            [identity, database, check, f"CREATE {identity}", scans, scans, at, at],
        )

    found = await rows(db, "select * from monitoring.suggest_missing_indexes()")

    assert found == [("public.t", "a, b", 10, 10, "CREATE 1", "not costed")]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.1-d")
async def test_policies_have_no_data_until_a_daemon_observed_them(
    db: Admin, database: str
) -> None:
    await db.execute(
        """
        create table public.seen (id int);
        create table public.unseen (id int);
        create table public.free (id int);
        alter table seen enable row level security;
        alter table unseen enable row level security;
        create policy p on seen using (true);
        create policy p on unseen using (true);
        """
    )
    query = (
        "select table_name, policy_name, avg_execution_time, total_executions,"
        " performance_rating, overhead_p95, source"
        " from monitoring.analyze_rls_performance()"
    )
    before = await rows(db, query.encode())
    at = await report(db, "rls_observations")
    await db.execute(
        "insert into monitoring.rls_observations (at, target, datname, schemaname,"
        " tablename, role_names, since, calls, total_exec_time_ms, attribution)"
        " values (%s, 'orders', %s, 'public', 'seen', '{authenticated}', %s, 10,"
        " 1234.5, 'ast')",
        [at, database, at],
    )

    after = await rows(db, query.encode())

    assert before == [
        ("public.seen", "combined", None, None, "NO_DATA", None, "catalog"),
        ("public.unseen", "combined", None, None, "NO_DATA", None, "catalog"),
    ]
    assert after == [
        (
            "public.seen",
            "combined",
            Decimal("123.45"),
            10,
            "NEEDS_OPTIMIZATION",
            None,
            "daemon",
        ),
        ("public.unseen", "combined", None, None, "NO_DATA", None, "daemon"),
    ]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.1.1-d")
async def test_roles_are_rated_each_by_what_is_probed_else_by_what_is_observed(
    db: Admin, database: str
) -> None:
    await db.execute(
        "create table public.seen (id int); alter table seen enable row level security;"
        "create policy p on seen using (true)"
    )
    at = await report(db, "rls_observations")
    await db.execute(
        "insert into monitoring.rls_observations (at, target, datname, schemaname,"
        " tablename, role_names, since, calls, total_exec_time_ms, overhead_p50_ms,"
        " overhead_p95_ms, overhead_p99_ms, attribution)"
        " select t.at - d.age, 'orders', %s, 'public', 'seen', d.roles, t.at, d.calls,"
        " d.ms, d.p95 / 2, d.p95, d.p95 * 2, 'ast'"
        " from (values (%s::timestamptz)) as t (at)"
        " cross join (values"
        "     ('0'::interval, '{anon}'::text[], 10, 1500.0, 4.0::float8),"
        "     ('1 hour', '{anon}', 10, 9000.0, 900.0),"
        "     ('0', '{web}', 0, 0.0, 250.0),"
        "     ('2 hours', '{web}', 5, 10.0, null),"
        "     ('0', '{app}', 4, 8.0, null)"
        " ) as d (age, roles, calls, ms, p95)",
        [database, at],
    )

    found = await rows(
        db,
        "select role_name, performance_rating, rated_by, total_executions,"
        " avg_execution_time, overhead_p50, overhead_p95, overhead_p99"
        " from monitoring.analyze_rls_performance()",
    )

    assert found == [
        ("web", "NEEDS_OPTIMIZATION", "probed", 5, 2, 125, 250, 500),
        ("anon", "GOOD", "probed", 10, 150, 2, 4, 8),
        ("app", "GOOD", "observed", 4, 2, None, None, None),
    ]


@pytest.mark.pg("all")
@pytest.mark.requirement("S8.2.2-a")
async def test_maintenance_is_planned_once_and_its_command_works(db: Admin) -> None:
    await db.execute(
        "create table public.churned (id int) with (autovacuum_enabled = off);"
        "create table public.calm (id int) with (autovacuum_enabled = off);"
    )
    await db.execute("insert into churned select generate_series(1, 20000)")
    await db.execute("insert into calm select generate_series(1, 900)")
    await db.execute("delete from churned where id <= 12000")
    await until(
        db,
        "select n_dead_tup = 12000 from pg_stat_user_tables where relname = 'churned'",
    )

    plan = await planned(db)
    await db.execute(plan[0][1].encode())
    await until(
        db, "select n_dead_tup = 0 from pg_stat_user_tables where relname = 'churned'"
    )

    assert plan == [
        (
            "churned",
            "VACUUM (SKIP_LOCKED, TRUNCATE false, ANALYZE) public.churned;",
            "12000 dead of 20000 rows, 32000 rows changed since ANALYZE",
            None,
        )
    ]
    assert await planned(db) == []


async def planned(db: Admin, **arguments: object) -> list[Any]:
    given = ", ".join(f"{name} => %({name})s" for name in arguments)
    query = (
        "select tablename, command, reason, obstacle"
        f" from monitoring.automated_maintenance({given})"
    )
    cursor = await db.execute(query.encode(), arguments or None)
    return await cursor.fetchall()


@pytest.mark.requirement("S8.2.2-a")
async def test_an_old_transaction_is_named_as_obstacle_to_vacuum(
    db: Admin, conninfo: str
) -> None:
    await db.execute("create table churned (id int) with (autovacuum_enabled = off)")
    await db.execute("insert into churned select generate_series(1, 20000)")
    async with await psycopg.AsyncConnection.connect(conninfo) as holder:
        await holder.execute("set transaction isolation level repeatable read")
        await holder.execute("select 1 from churned limit 1")
        await db.execute("delete from churned where id <= 12000")
        await until(
            db,
            "select n_dead_tup = 12000 from pg_stat_user_tables"
            " where relname = 'churned'",
        )

        plan = await planned(db, old_transaction="0 s")

        assert f"process {holder.info.backend_pid}" in plan[0][3]
