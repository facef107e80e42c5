"""What operators say of row level security, and what becomes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from monitor.errors import ConfigError
from monitor.model.persona import RlsOptions
from monitor.settings import load, redacted
from monitor.settings.targets import without_probes

CANARY = "hunter2"
LOGINS = {
    "probe": {"user": "pgvigil_probe", "password": CANARY},
    "bypass": {"user": "pgvigil_bypass", "password_file": "/pw"},
    "bypass_role": "service_role",
}
PERSONA = {"name": "alice", "role": "authenticated", "claims": {"sub": CANARY}}


def options(**rls: object) -> RlsOptions:
    target = {"dsn": "host=db1 user=pgvigil_reader", "rls": rls}
    settings = load(None, {"STATE_DIRECTORY": "/nowhere"}, {"targets": [target]})
    return settings.to_targets()[0].rls


def refusal(**rls: object) -> str:
    with pytest.raises(ConfigError) as refused:
        options(**rls)
    return str(refused.value)


def persona(**changes: object) -> dict[str, Any]:
    return {**LOGINS, "personas": [{**PERSONA, **changes}]}


def test_nothing_is_probed_unless_an_operator_says_so() -> None:
    found = options()

    assert not found.may_probe
    assert found == RlsOptions()


def test_claims_become_json_in_the_first_claim_setting() -> None:
    found = options(
        **persona(claims={"sub": "7", "roles": ["a"]}, settings={"app.tenant": 12}),
        claim_settings=["jwt.claims", "request.jwt.claims"],
    )

    (alice,) = found.personas
    assert found.may_probe
    assert json.loads(alice.settings["jwt.claims"]) == {"sub": "7", "roles": ["a"]}
    assert alice.settings["app.tenant"] == "12"


def test_the_logins_enter_where_the_target_leads() -> None:
    found = options(**persona())

    assert found.probe is not None
    assert found.bypass is not None
    assert found.probe.conninfo == f"user=pgvigil_probe host=db1 password={CANARY}"
    assert found.bypass.conninfo == "user=pgvigil_bypass host=db1"
    assert found.bypass.password_file == "/pw"


def test_listed_statements_and_bounds_reach_the_runtime() -> None:
    listed = {"name": "orders", "database": "shop", "sql": "select 1"}

    found = options(**persona(), statements=[listed], interval="30s", pairs=9)

    assert [s.sql for s in found.statements] == ["select 1"]
    assert (found.interval, found.pairs) == (timedelta(seconds=30), 9)


def test_no_secret_of_a_persona_is_shown() -> None:
    target = {
        "name": "orders",
        "rls": persona(settings={"app.key": CANARY}),
    }

    settings = load(None, {"STATE_DIRECTORY": "/nowhere"}, {"targets": [target]})

    assert CANARY not in repr(settings)
    assert CANARY not in repr(settings.to_targets()[0])
    assert CANARY not in yaml.safe_dump(redacted(settings))


@pytest.mark.parametrize(
    ("rls", "words"),
    [
        ({**LOGINS, "bypass": LOGINS["probe"]}, "same user for probe and bypass"),
        ({"probe": LOGINS["probe"]}, "has one of probe and bypass"),
        ({"personas": [PERSONA]}, "without the login probe"),
        ({**LOGINS, "personas": [PERSONA, PERSONA]}, "two personas of the name alice"),
        (persona(role="service_role"), "has the role that bypasses policies"),
        (persona(role="pgvigil_bypass"), "has the role that bypasses policies"),
        (persona(settings={"role": "postgres"}), "must be the name of a custom"),
        (persona(settings={"request.jwt.claims": "{}"}), "give one"),
        (persona(claims=[CANARY]), "must be a group of claims"),
        ({"claim_settings": ["statement_timeout"]}, "must be the name of a custom"),
        ({"claim_settings": []}, "must name at least one setting"),
        ({"statement_timeout": "6s"}, "statement_timeout must be at most 5s"),
        ({"lock_timeout": "2s"}, "lock_timeout must be at most 1s"),
        ({"seconds_per_hour": 601}, "seconds_per_hour must be at most 600"),
        ({"interval": "500ms"}, "interval must be at least 1s"),
        ({"small_sample": 1000, "large_sample": 1500}, "large_sample less than twice"),
        (
            {**LOGINS, "statements": [{"name": "a", "database": "b", "sql": "c"}]},
            "no personas to time them for",
        ),
        ({"persona": []}, "is not a setting"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    rls: dict[str, Any], words: str
) -> None:
    message = refusal(**rls)

    assert words in message
    assert "targets[0].rls" in message
    assert CANARY not in message


def test_probes_can_be_left_out_of_a_target() -> None:
    target = {"name": "orders", "rls": {**persona(), "api_roles": ["web"]}}
    settings = load(None, {"STATE_DIRECTORY": "/nowhere"}, {"targets": [target]})

    found = without_probes(settings.targets[0]).to_target().rls

    assert not found.may_probe
    assert found.api_roles == ("web",)
