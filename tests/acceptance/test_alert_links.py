"""From any alert one click leads to the evidence and to the SQL that cures it."""

from __future__ import annotations

import html
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from monitor.cli.alerts import PGVIGIL
from monitor.postgres.throwaway import ThrowawayServer
from tests.acceptance.receivers import Desk, listening
from tests.daemon import RunningDaemon, running, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.timeout(180),
    pytest.mark.requirement("S8.1.2-g"),
]

RULES = Path(__file__).parent.parent.parent / "alerts/pgvigil-findings.yml"
CAUSES = """
create role anon;
create table customers (id int primary key, "e-mail <b>" text);
create table orders (id int, customer int not null references customers);
create index first on orders (customer, id);
create index second on orders (customer, id);
create table notes (id int primary key, customer int references customers);
insert into notes select i from generate_series(1, 20000) as i;
alter table notes enable row level security;
create policy own on notes using (current_setting('x.y', true) = id::text);
grant select on orders to anon;
create sequence numbers maxvalue 100;
select setval('numbers', 99);
analyze
"""
SERVER = "orders:[1]"
CHECKS = {"duplicate_index", "foreign_key_without_index", "sequence_exhaustion"}


@dataclass(frozen=True, slots=True)
class Told:
    """A daemon that has found all the causes, and whom it told."""

    daemon: RunningDaemon
    desk: Desk
    chat: Desk

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Return the open findings, as the API has them."""
        found = self.daemon.json("/api/v1/findings")["findings"]
        return [one for one in found if one["state"] == "open"]

    def page(self, url: str) -> str:
        """Return what a link of an alert leads to."""
        path = url.removeprefix(PGVIGIL).partition("#")[0]
        assert path != url
        return html.unescape(self.daemon.get(path).decode())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("links")
    with ThrowawayServer() as server, listening() as desk, listening() as chat:
        with psycopg.connect(server.conninfo(), autocommit=True) as admin:
            for statement in CAUSES.split(";"):
                admin.execute(statement.encode())
        with watching(folder, server, desk, chat) as told:
            yield told


@contextmanager
def watching(
    folder: Path, server: ThrowawayServer, desk: Desk, chat: Desk
) -> Generator[Told]:
    kinds = ("activity", "statements", "tables", "indexes", "catalog", "sizes")
    settings = {
        "targets": [
            {
                "name": SERVER,
                "dsn": server.conninfo(),
                "intervals": dict.fromkeys(kinds, "1s"),
                "labels": {"team": "payments", "env": "live"},
            }
        ],
        "alerting": {
            "hold": {"warning": "0s", "info": "0s"},
            "webhooks": [
                {"name": "desk", "url": desk.url},
                {"name": "chat", "kind": "slack", "url": chat.url},
            ],
        },
    }
    # The same address as the placeholder of the rule files.
    environ = {"PGVIGIL_HTTP__EXTERNAL_URL": PGVIGIL}
    with running(folder, settings, environ) as daemon:
        told = Told(daemon, desk, chat)
        wait_until(
            lambda: {one["check"] for one in told.findings} >= CHECKS,
            seconds=60,
            what=lambda: str({one["check"] for one in told.findings}),
        )
        wait_until(
            lambda: (
                {alert["labels"].get("check") for alert in desk.alerts} >= CHECKS
                and len(chat.messages) >= len(desk.alerts)
            ),
            seconds=60,
        )
        yield told


def sent(told: Told) -> list[dict[str, Any]]:
    return [alert for alert in told.desk.alerts if "server" in alert["labels"]]


def test_alerts_of_the_daemon_lead_to_the_evidence_and_the_sql(told: Told) -> None:
    pages = {alert["generatorURL"]: alert for alert in sent(told)}

    for url, alert in pages.items():
        page, identity = told.page(url), url.partition("#")[2]
        assert f'id="{identity}"' in page
        assert "Evidence" in page
        assert alert["annotations"].get("remedy_sql", "") in page
    assert [alert for alert in pages.values() if "remedy_sql" in alert["annotations"]]


def test_alerts_of_the_daemon_lead_to_their_runbooks(told: Told) -> None:
    for alert in told.desk.alerts:
        page = told.page(alert["annotations"]["runbook_url"])

        assert "How to fix" in page


def test_messages_in_the_chat_have_the_same_links(told: Told) -> None:
    texts = [str(message["text"]) for message in told.chat.messages]

    for alert in sent(told):
        url = str(alert["annotations"]["finding_url"])
        assert any(f"<{url}|Evidence>" in text for text in texts)


def test_alerts_of_prometheus_lead_to_the_evidence_and_the_sql(told: Told) -> None:
    document = yaml.safe_load(RULES.read_text())
    links = {
        rule["alert"]: rule["annotations"]
        for group in document["groups"]
        for rule in group["rules"]
    }
    names = {alert["labels"]["check"]: alert["labels"] for alert in sent(told)}

    for finding in told.findings:
        labels = names.get(finding["check"])
        if labels is None or labels["alertname"] not in links:
            continue
        url = links[labels["alertname"]]["finding_url"].replace(
            "{{ $labels.server }}", SERVER
        )
        remedy = finding["remedy"]["sql"] if finding["remedy"] else ""
        assert f'id="finding-{finding["id"]}"' in told.page(url)
        assert remedy in told.page(url)
        assert "How to fix" in told.page(links[labels["alertname"]]["runbook_url"])


def test_no_link_of_any_alert_of_prometheus_leads_nowhere(told: Told) -> None:
    links = {
        rule["annotations"][link].replace("{{ $labels.server }}", SERVER)
        for file in RULES.parent.glob("pgvigil-*.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
        for link in ("finding_url", "runbook_url")
    }

    statuses = {url: told.daemon.status(url.removeprefix(PGVIGIL)) for url in links}

    assert len(statuses) > 100
    assert {url for url, status in statuses.items() if status != 200} == set()


def test_labels_of_a_target_reach_its_alerts_in_both_ways(told: Told) -> None:
    own = {"team": "payments", "env": "live"}

    assert all(own.items() <= alert["labels"].items() for alert in sent(told))
    for check in CHECKS:
        series = [
            text
            for name, text in told.daemon.samples()
            if check in text and name == "pgvigil_finding"
        ]
        assert series
        assert all('"team": "payments"' in text for text in series)
        assert all('"env": "live"' in text for text in series)
