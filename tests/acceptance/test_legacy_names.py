"""Rules and dashboards written for postgres_exporter work on our series unchanged.

The expressions are those of its mixin, as its documentation names their metrics:
each is asked of a real Prometheus without its last comparison, and must have an
answer. An alert whose condition does not hold answers with nothing and would prove
nothing.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator

import psycopg
import pytest

from monitor.postgres.throwaway import ThrowawayServer
from tests import companions
from tests.companions import Companion
from tests.daemon import running, wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

BY = "by (instance, job)"
ALERTS = {
    "connections reached": (
        f"sum {BY} (pg_stat_database_numbackends) - on (instance, job)"
        f" (max {BY} (pg_settings_max_connections)"
        f" - max {BY} (pg_settings_superuser_reserved_connections))"
    ),
    "connections high": (
        f"sum {BY} (pg_stat_database_numbackends) / on (instance, job)"
        f" max {BY} (pg_settings_max_connections)"
    ),
    "down": "pg_up",
    "slow queries": (
        "avg by (datname, instance, job)"
        ' (rate(pg_stat_activity_max_tx_duration{datname!~"template.*"}[30s]))'
    ),
    "queries a second": (
        "avg by (datname, instance, job) (irate(pg_stat_database_xact_commit[30s])"
        " + irate(pg_stat_database_xact_rollback[30s]))"
    ),
    "cache hits": (
        "avg by (datname, instance, job) (rate(pg_stat_database_blks_hit[30s])"
        " / (rate(pg_stat_database_blks_hit[30s])"
        " + rate(pg_stat_database_blks_read[30s])))"
    ),
    "rollbacks": (
        "avg by (datname, instance, job) (rate(pg_stat_database_xact_rollback[30s])"
        " / (rate(pg_stat_database_xact_commit[30s])"
        " + rate(pg_stat_database_xact_rollback[30s])))"
    ),
    "deadlocks": 'rate(pg_stat_database_deadlocks{datname!~"template.*"}[30s])',
    "locks": (
        f"max {BY} (pg_locks_count) / on (instance, job)"
        f" (max {BY} (pg_settings_max_locks_per_transaction)"
        f" * on (instance, job) max {BY} (pg_settings_max_connections))"
    ),
    "replication lag": "pg_replication_lag and on (instance) pg_replication_is_replica",
    "slots": "pg_replication_slots_active",
    "role changed": "changes(pg_replication_is_replica[30s])",
    "exporter errors": "pg_exporter_last_scrape_error",
    "tables not vacuumed": (
        "(pg_stat_user_tables_last_autovacuum or pg_stat_user_tables_last_vacuum)"
    ),
    "checkpoints": (
        "rate(pg_stat_bgwriter_checkpoints_req[30s]) + on (instance, job)"
        " rate(pg_stat_bgwriter_checkpoints_timed[30s])"
    ),
}
PANELS = (
    "pg_static",
    "pg_postmaster_start_time_seconds",
    "pg_settings_shared_buffers_bytes",
    "pg_settings_effective_cache_size_bytes",
    "pg_settings_maintenance_work_mem_bytes",
    "pg_settings_work_mem_bytes",
    "pg_settings_max_wal_size_bytes",
    "pg_settings_random_page_cost",
    "pg_settings_seq_page_cost",
    "pg_settings_max_worker_processes",
    "pg_settings_max_parallel_workers",
    'pg_stat_activity_count{state="active"}',
    'pg_stat_activity_count{state=~"idle|idle in transaction"}',
    "irate(pg_stat_database_tup_fetched[30s])",
    "irate(pg_stat_database_tup_returned[30s])",
    "irate(pg_stat_database_tup_inserted[30s])",
    "irate(pg_stat_database_tup_updated[30s])",
    "irate(pg_stat_database_tup_deleted[30s])",
    "irate(pg_stat_database_conflicts[30s])",
    "irate(pg_stat_database_temp_bytes[30s])",
    "pg_locks_count",
    "irate(pg_stat_bgwriter_buffers_backend[30s])",
    "irate(pg_stat_bgwriter_buffers_alloc[30s])",
    "irate(pg_stat_bgwriter_buffers_backend_fsync[30s])",
    "irate(pg_stat_bgwriter_buffers_checkpoint[30s])",
    "irate(pg_stat_bgwriter_buffers_clean[30s])",
    "irate(pg_stat_bgwriter_checkpoint_write_time[30s])",
    "irate(pg_stat_bgwriter_checkpoint_sync_time[30s])",
    "pg_database_size_bytes",
    "pg_stat_archiver_failed_count",
    "process_resident_memory_bytes",
    "rate(process_cpu_seconds_total[30s])",
)
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: postgres
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companion]:
    binary = companions.require("prometheus")
    folder = tmp_path_factory.mktemp("legacy")
    with ThrowawayServer({"wal_level": "logical"}) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute("create table notes (id int)")
            admin.execute("vacuum notes")
            admin.execute("select pg_create_physical_replication_slot('a', true)")
        target = {
            "name": "orders",
            "dsn": server.conninfo(),
            "intervals": {"activity": "1s", "tables": "1s", "catalog": "1s"},
        }
        wanted = {"targets": [target], "exposition": {"legacy_names": True}}
        with running(folder, wanted) as daemon:
            config = CONFIG.format(port=daemon.port)
            with companions.prometheus(binary, folder, config) as prometheus:
                wait_until(lambda: is_ready(prometheus))
                yield prometheus


def is_ready(prometheus: Companion) -> bool:
    """Say whether it answers already."""
    url = f"http://127.0.0.1:{prometheus.port}/-/ready"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def answer(prometheus: Companion, expression: str) -> list[object]:
    """Return what an instant query gives."""
    query = urllib.parse.urlencode({"query": expression})
    url = f"http://127.0.0.1:{prometheus.port}/api/v1/query?{query}"
    with urllib.request.urlopen(url, timeout=10) as response:
        found: list[object] = json.load(response)["data"]["result"]
    return found


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_of_the_mixin_has_something_to_judge(
    prometheus: Companion, alert: str
) -> None:
    wait_until(lambda: answer(prometheus, ALERTS[alert]) != [], seconds=90)

    assert answer(prometheus, ALERTS[alert])


@pytest.mark.parametrize("expression", PANELS)
def test_every_panel_of_its_dashboard_has_data(
    prometheus: Companion, expression: str
) -> None:
    wait_until(lambda: answer(prometheus, expression) != [], seconds=90)

    assert answer(prometheus, expression)


def test_our_own_names_are_there_as_well(prometheus: Companion) -> None:
    both = "pg_stat_database_xact_commit_total - pg_stat_database_xact_commit"

    assert answer(prometheus, 'up{job="postgres"} == 1')
    assert answer(prometheus, both.replace(" - ", " - on (server, datname) "))
