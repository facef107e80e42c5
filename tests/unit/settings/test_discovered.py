"""How a discovered address becomes a target."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from monitor.errors import ConfigError
from monitor.model.target import Target
from monitor.settings import load

CANARY = "hunter2"


def made(address: str, **labels: str) -> Target:
    defaults = {
        "dsn": f"postgresql://watcher:{CANARY}@ignored:1/postgres?sslmode=verify-full",
        "labels": {"env": "prod", "team": "dba"},
        "profile": "minimal",
    }
    settings = load(None, {}, {"target_defaults": defaults})
    return settings.make_discovered(address, labels)


def test_host_and_port_are_the_addresss_and_the_rest_is_shared() -> None:
    target = made("db1:5433", team="shop")

    assert target.name == "db1:5433"
    assert target.labels == {"env": "prod", "team": "shop"}
    assert target.profile == "minimal"
    assert conninfo_to_dict(target.credentials.conninfo) == {
        "host": "db1",
        "port": "5433",
        "user": "watcher",
        "password": CANARY,
        "dbname": "postgres",
        "sslmode": "verify-full",
    }


def test_the_label_server_names_the_target_and_is_no_label_twice() -> None:
    target = made("db1", server="orders")

    assert target.name == "orders"
    assert "server" not in target.labels


def test_hidden_labels_are_instructions_or_dropped() -> None:
    target = made("db1", __dbname__="app", __user__="u", __meta_zone__="a")

    parts = conninfo_to_dict(target.credentials.conninfo)

    assert (parts["dbname"], parts["user"]) == ("app", "u")
    assert {"env", "team"} == target.labels.keys()


@pytest.mark.parametrize(
    ("address", "labels"),
    [
        ("db1", {"server": "a\nb"}),
        ("db1", {"severity": "page"}),
        ("db1", {"bad-name": "x"}),
        ("db1", {"__dbname__": f"host=evil password={CANARY}"}),
        ("db1", {"__dbname__": "postgresql://evil/"}),
        ("db1 sslmode=disable", {}),
        ("db1:x", {}),
    ],
)
def test_what_cannot_be_a_target_is_refused(
    address: str, labels: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        made(address, **labels)

    assert CANARY not in str(caught.value)
