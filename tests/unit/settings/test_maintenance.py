"""Settings of what the daemon may change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.errors import ConfigError
from monitor.maintenance import vacuum
from monitor.model.action import ActionMode
from monitor.settings import Settings, load


def settings(**overrides: object) -> Settings:
    return load(None, {"STATE_DIRECTORY": "/nowhere"}, overrides)


def refused(**overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(**overrides)
    return str(caught.value)


def test_dropping_indexes_by_itself_takes_two_consents() -> None:
    once = {"modes": {"drop_index": "auto"}}

    message = refused(maintenance=once)
    twice = settings(maintenance={**once, "confirm_drop_index": True})

    assert "drops indexes by itself only with confirm_drop_index" in message
    policy = twice.maintenance.choices().policy
    assert policy.mode_of("drop_index") is ActionMode.AUTO


def test_off_is_a_word_although_yaml_reads_it_as_false() -> None:
    found = settings(
        maintenance={"mode": False, "modes": {"vacuum": False}},
        alerting={"owner": False},
    )

    policy = found.maintenance.choices().policy

    assert policy.mode_of("vacuum") is policy.mode_of("analyze") is ActionMode.OFF
    assert found.alerting.owner == "off"


def test_an_unknown_kind_of_action_is_an_error_with_the_right_name() -> None:
    message = refused(maintenance={"modes": {"vacum": "auto"}})

    assert 'Did you mean "vacuum"?' in message


def test_options_of_actions_are_their_own_with_what_was_set() -> None:
    options = {"vacuum": {"min_dead_tuples": 7, "max_snapshot_age": "5m"}}
    found = settings(maintenance={"options": options})

    chosen = found.maintenance.choices().options["vacuum"]

    expected = vacuum.Options(min_dead_tuples=7, max_snapshot_age=timedelta(minutes=5))
    assert chosen == expected
