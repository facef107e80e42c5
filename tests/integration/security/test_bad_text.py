"""A server full of text that is in no encoding: scrapes, pages and logs stay whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql

from monitor.postgres.throwaway import ThrowawayServer
from tests.daemon import RunningDaemon, running, wait_until
from tests.servers import binaries
from tests.unit.exporters.example import read_openmetrics

pytestmark = [pytest.mark.promise(13), pytest.mark.timeout(180)]

_PROMTOOL = shutil.which("promtool")
# Latin-1, a lone continuation, an overlong form, a surrogate, and beyond Unicode.
INVALID = b"caf\xe9 \x80 \xc0\xaf \xed\xa0\x80 \xf5\x80"
SHOWN = rb"caf\\xe9"
CONTROL = "\x01\x1b[31mred\x7f \u202eright-to-left\u2066 \u2028line\r\nfeed \x85"
MEGABYTE = 1_000_000


def quoted(name: bytes) -> bytes:
    return b'"' + name + b'"'


@pytest.fixture(scope="module", params=[13, 18], ids=["pg13", "pg18"])
def server(request: pytest.FixtureRequest) -> Iterator[ThrowawayServer]:
    with ThrowawayServer(
        {"track_activity_query_size": "1048576"}, binaries=binaries(request.param)
    ) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            admin.execute("create role pgvigil_reader login password 'r'")
            admin.execute("grant pg_monitor to pgvigil_reader")
            admin.execute("create database utf8 template template0")
            admin.execute(
                "create database ascii encoding 'SQL_ASCII' lc_collate 'C'"
                " lc_ctype 'C' template template0"
            )
        for dbname in ("ascii", "utf8"):
            with psycopg.connect(server.conninfo(dbname), autocommit=True) as admin:
                admin.execute("create extension pg_stat_statements")
        fill_utf8(server)
        fill_ascii(server)
        yield server


def fill_utf8(server: ThrowawayServer) -> None:
    """Create what valid text can do: controls, direction marks, a long statement."""
    with psycopg.connect(server.conninfo("utf8"), autocommit=True) as admin:
        names = [CONTROL[:20], "\u202e" * 21, "two\nlines", "tab\tand\\", '"']
        for name in map(sql.Identifier, names):
            table = sql.SQL("create table {0} ({0} int primary key)").format(name)
            admin.execute(table)
            admin.execute(sql.SQL("create index on {0} ({0})").format(name))
            admin.execute(sql.SQL("insert into {0} values (1)").format(name))
        many = ", ".join(f"'{number}'" for number in range(MEGABYTE // 10))
        admin.execute(f"select 1 in ({many})".encode())
        admin.execute(f'select 1 as "{CONTROL[:20]}" /* {CONTROL} */'.encode())


def fill_ascii(server: ThrowawayServer) -> None:
    """Create what bytes of no encoding can do, in every name there is."""
    long = b"select 1 as " + quoted(b"\xff" * 63) + b" /* " + b"\xfe" * MEGABYTE + b"*/"
    name, index = quoted(INVALID), quoted(INVALID + b" idx")
    path = name + b"." + name
    with psycopg.connect(server.conninfo("ascii"), autocommit=True) as admin:
        for statement in (
            b"set client_encoding = 'SQL_ASCII'",
            b"create schema " + name,
            b"create table " + path + b" (" + name + b" int primary key)",
            b"create index " + index + b" on " + path + b" (" + name + b")",
            b"create sequence public." + name,
            b"select nextval('public." + name + b"')",
            b"create role " + name + b" login",
            b"create database " + name + b" encoding 'SQL_ASCII' template template0",
            b"alter table " + path + b" enable row level security",
            b"create policy " + name + b" on " + path + b" using (true)",
            b"insert into " + path + b" values (1)",
            b"alter table " + path + b" owner to " + name,
            b"select 1 as " + name,
            long,
        ):
            admin.execute(statement)


@pytest.fixture(scope="module")
def daemon(
    server: ThrowawayServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDaemon]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes", "texts")
    every = dict.fromkeys(kinds, "1s")
    targets = [
        {
            "name": dbname,
            "dsn": server.conninfo(dbname, user="pgvigil_reader", password="r"),
            "intervals": every,
            "profile": "everything",
        }
        for dbname in ("utf8", "ascii")
    ]
    settings = {"targets": targets, "governor": {"budget": 1.0}}
    folder = tmp_path_factory.mktemp("text")
    with (
        psycopg.connect(
            server.conninfo("ascii"), application_name="\u202eapp\x01"
        ) as holder,
        running(
            folder, settings, {"PGVIGIL_HTTP__EXPOSE_QUERY_TEXT": "true"}
        ) as daemon,
    ):
        holder.execute(b"set application_name = '" + INVALID + b"'")
        holder.execute(b"select 1 as " + quoted(INVALID))
        for name in ("utf8", "ascii"):
            wait_until(lambda name=name: daemon.value("pg_up", server=name) == 1)
        wait_until(lambda: b"right-to" in daemon.get("/metrics"))
        wait_until(lambda: b'relname="caf' in daemon.get("/metrics"))
        wait_until(lambda: SHOWN in daemon.get("/api/v1/tables"))
        yield daemon


def test_every_collector_runs(daemon: RunningDaemon) -> None:
    targets = daemon.json("/api/v1/targets")["targets"]

    failing = {
        (target["name"], c["name"])
        for target in targets
        for c in target["collectors"]
        if c["error"] and "caf" not in c["database"]
    }

    # One such text fails the server's reading of all texts, not of their figures.
    assert failing <= {("utf8", "statement_texts")}


def test_the_page_is_what_prometheus_reads(daemon: RunningDaemon) -> None:
    text = daemon.get("/metrics").decode()
    openmetrics = daemon.get(
        "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"}
    ).decode()

    plain = {
        sample.name
        for f in text_string_to_metric_families(text)
        for sample in f.samples
    }
    other = {s.name for f in read_openmetrics(openmetrics) for s in f.samples}
    assert {"pg_stat_user_tables_n_live_tup", "pg_stat_activity_connections"} <= plain
    assert plain <= other
    assert max(map(len, text.splitlines())) < 5000


@pytest.mark.skipif(_PROMTOOL is None, reason="promtool is not installed")
def test_the_page_is_free_of_complaints(daemon: RunningDaemon) -> None:
    done = subprocess.run(
        [_PROMTOOL or "", "check", "metrics"],
        input=daemon.get("/metrics"),
        capture_output=True,
        check=False,
    )

    assert (done.stdout + done.stderr).decode() == ""


def test_every_event_is_one_line(daemon: RunningDaemon) -> None:
    lines = daemon.log.read_text().split("\n")

    events = [json.loads(line) for line in lines if line]

    assert len(events) > 3
    assert all("event" in event for event in events)
    assert not any(ord(c) < 32 for line in lines for c in line)


def test_status_page_and_lists_can_be_shown(daemon: RunningDaemon) -> None:
    page = daemon.get("/").decode()
    lists = {
        name: daemon.get(f"/api/v1/{name}").decode()
        for name in ("statements", "tables", "indexes", "rls", "findings", "locks")
    }

    assert SHOWN.decode() in lists["tables"]
    assert not any(
        c in text for text in (page, *lists.values()) for c in "\x01\x1b\u202e"
    )
