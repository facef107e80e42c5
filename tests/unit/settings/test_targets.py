"""What targets become."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict

from monitor.model.target import Credentials
from monitor.settings import Settings, load

CANARY = "hunter2"


def settings(**overrides: object) -> Settings:
    return load(None, {"STATE_DIRECTORY": "/nowhere"}, overrides)


def test_logins_that_act_enter_where_the_target_leads() -> None:
    target = {
        "dsn": f"host=db1 user=pgvigil_reader password={CANARY}",
        "maintainer": {"user": "pgvigil_maintainer", "password_file": "/pw"},
        "ddl": {"user": "pgvigil_ddl", "password": CANARY},
    }

    (found,) = settings(targets=[target]).to_targets()

    assert found.maintainer == Credentials(
        conninfo="user=pgvigil_maintainer host=db1", password_file="/pw"
    )
    assert found.ddl is not None
    assert conninfo_to_dict(found.ddl.conninfo) == {
        "host": "db1",
        "user": "pgvigil_ddl",
        "password": CANARY,
    }
    assert CANARY not in repr(found)


def test_series_limits_are_the_profiles_unless_set() -> None:
    found = settings(exposition={"top": 7}).exposition.limits("standard")

    assert (found.places, found.per_target) == (7, 5_000)
