"""Settings from environment and overrides: precedence, spelling, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from monitor.errors import ConfigError
from monitor.model.action import ActionMode
from monitor.model.target import Target
from monitor.settings import Settings, load

CANARY = "hunter2"


def settings(environ: Mapping[str, str], **overrides: object) -> Settings:
    return load(None, {"STATE_DIRECTORY": "/nowhere", **environ}, overrides)


def refused(environ: Mapping[str, str], **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(environ, **overrides)
    return str(caught.value)


def only_target(environ: Mapping[str, str]) -> Target:
    (target,) = settings(environ).to_targets()
    return target


def test_no_settings_at_all_watch_the_server_of_the_libpq_environment() -> None:
    target = only_target({"PGHOST": "db1"})

    assert (target.name, target.credentials.conninfo) == ("default", "")


def test_defaults_change_nothing_on_a_server() -> None:
    maintenance = settings({}).maintenance
    policy = maintenance.choices().policy

    assert ActionMode.DRY_RUN is policy.mode_of("drop_index")
    assert maintenance.allow_superuser_actions is False
    assert settings({}).http.host == "127.0.0.1"


def test_environment_addresses_targets_by_index() -> None:
    environ = {
        "PGVIGIL_TARGETS__0__NAME": "orders",
        "PGVIGIL_TARGETS__0__DSN": "host=db1",
        "PGVIGIL_TARGETS__0__LABELS__TEAM": "shop",
        "PGVIGIL_TARGETS__1__NAME": "billing",
        "PGVIGIL_TARGETS__1__LIBPQ__PORT": "5433",
    }

    orders, billing = settings(environ).to_targets()

    assert (orders.name, orders.credentials.conninfo) == ("orders", "host=db1")
    assert orders.labels == {"team": "shop"}
    assert (billing.name, billing.credentials.conninfo) == ("billing", "port=5433")


def test_a_gap_between_indexes_is_an_error() -> None:
    message = refused({"PGVIGIL_TARGETS__1__NAME": "a"})

    assert '"PGVIGIL_TARGETS__1__NAME": targets must be numbered from 0' in message


def test_overrides_win_over_the_environment() -> None:
    found = settings({"PGVIGIL_HTTP__LISTEN": ":1"}, http={"listen": ":2"})

    assert found.http.port == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1m30s", timedelta(seconds=90)),
        ("1500ms", timedelta(milliseconds=1500)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations_are_written_as_in_prometheus(text: str, expected: timedelta) -> None:
    assert expected == settings({"PGVIGIL_CHECK_INTERVAL": text}).check_interval


@pytest.mark.parametrize("text", ["15", "1s1m", "-5s", "1.5s", "P1D", "0"])
def test_other_durations_are_refused(text: str) -> None:
    message = refused({"PGVIGIL_CHECK_INTERVAL": text})

    assert '"PGVIGIL_CHECK_INTERVAL": check_interval must be ' in message


def test_lists_in_variables_are_names_between_commas_or_json() -> None:
    named = only_target({"PGVIGIL_TARGETS__0__DATABASES": "app, shop_*"})
    listed = only_target({"PGVIGIL_TARGETS__0__DATABASES": '["app", "a,b"]'})

    assert named.databases == ("app", "shop_*")
    assert listed.databases == ("app", "a,b")


def test_a_password_command_is_split_as_in_a_shell() -> None:
    target = only_target({"PGVIGIL_TARGETS__0__PASSWORD_COMMAND": "aws token 'a b'"})

    assert target.credentials.password_command == ("aws", "token", "a b")


def test_a_mistyped_variable_is_an_error_with_the_right_name() -> None:
    message = refused({"PGVIGIL_CHECK_INTERVALL": CANARY})

    assert 'environment variable "PGVIGIL_CHECK_INTERVALL" sets nothing' in message
    assert 'Did you mean "PGVIGIL_CHECK_INTERVAL"?' in message


def test_a_mistyped_nested_variable_is_an_error_with_the_right_name() -> None:
    message = refused({"PGVIGIL_TARGETS__0__DNS": CANARY})

    assert 'Did you mean "PGVIGIL_TARGETS__0__DSN"?' in message


def test_variables_that_kubernetes_sets_for_services_are_not_ours() -> None:
    environ = {
        "PGVIGIL_SERVICE_HOST": "10.0.0.1",
        "PGVIGIL_SERVICE_PORT_HTTP": "9843",
        "PGVIGIL_PORT": "tcp://10.0.0.1:9843",
        "PGVIGIL_PORT_9843_TCP_ADDR": "10.0.0.1",
        "PGVIGIL_METRICS_PORT_9843_TCP": "tcp://10.0.0.1:9843",
    }

    assert settings({}) == settings(environ)


def test_a_mistyped_port_variable_is_not_taken_for_one_of_kubernetes() -> None:
    assert "sets nothing" in refused({"PGVIGIL_HTTP_PORT": "9843"})


def test_an_unknown_check_is_an_error_with_the_right_name() -> None:
    message = refused({}, thresholds={"cache_hits": {"warning": 1}})

    assert '"command line": thresholds.cache_hits is not a setting' in message
    assert 'Did you mean "cache_hit"?' in message


def test_an_unknown_field_of_a_check_is_an_error_with_the_right_name() -> None:
    message = refused({}, thresholds={"cache_hit": {"warnin": 1}})

    assert 'Did you mean "warning"?' in message


def test_levels_in_the_wrong_order_are_refused() -> None:
    message = refused({}, thresholds={"cache_hit": {"warning": 70, "critical": 80}})

    assert "thresholds of cache_hit: warning must not be below critical" in message


def test_a_targets_levels_are_judged_together_with_the_general_ones() -> None:
    message = refused(
        {},
        thresholds={"cache_hit": {"warning": 60, "critical": 50}},
        targets=[{"thresholds": {"cache_hit": {"critical": 65}}}],
    )

    assert "of cache_hit: warning must not be below critical" in message


def test_only_thresholds_that_were_set_reach_the_target() -> None:
    environ = {"PGVIGIL_TARGETS__0__THRESHOLDS__CACHE_HIT__WARNING": "88"}

    assert only_target(environ).thresholds == {"cache_hit": {"warning": 88.0}}


def test_thresholds_take_sizes_and_durations() -> None:
    found = settings(
        {},
        thresholds={
            "unused_index": {"min_size_bytes": "10MB", "min_window_days": "2h"}
        },
    )

    thresholds = found.thresholds["unused_index"]

    assert thresholds == {"min_size_bytes": 10 * 1024**2, "min_window_days": 1 / 12}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PGVIGIL_HTTP__LISTEN": CANARY}, "http.listen must be HOST:PORT"),
        ({"PGVIGIL_HTTP__LISTEN": ":99999"}, "http.listen must be HOST:PORT"),
        ({"PGVIGIL_HTTP__EXPOSE_QUERY_TEXT": CANARY}, "must be true or false"),
        ({"PGVIGIL_GOVERNOR__BUDGET": CANARY}, "governor.budget must be a number"),
        ({"PGVIGIL_GOVERNOR__BUDGET": "2"}, "governor.budget must be at most 1"),
        ({"PGVIGIL_LOGGING__LEVEL": CANARY}, "logging.level must be 'debug', 'info'"),
        ({"PGVIGIL_HTTP": CANARY}, "http must be a group of keys"),
        ({"PGVIGIL_MAINTENANCE__MODE": CANARY}, "maintenance.mode must be 'off', "),
        ({"PGVIGIL_MAINTENANCE__SCHEDULE": CANARY}, "is not a crontab schedule"),
        ({"PGVIGIL_MAINTENANCE__ZONE": CANARY}, "is not a time zone"),
        ({"PGVIGIL_TARGETS__0__CONNECTIONS_PER_SERVER": "1"}, "must be at least 2"),
        ({"PGVIGIL_TARGETS__0__LABELS": "{" + CANARY}, "must be valid JSON"),
        ({"PGVIGIL_TARGETS__0__NAME": f"{CANARY}\n"}, "may consist of letters"),
        ({"PGVIGIL_TARGETS__0__LABELS__SERVER": CANARY}, 'set the label "server"'),
        ({"PGVIGIL_TARGETS__0__LABELS__A": f"{CANARY}\x1b"}, "a control character"),
        ({"PGVIGIL_TARGETS__0__PASSWORD_COMMAND": f"'{CANARY}"}, "is not closed"),
        ({"PGVIGIL_TARGETS__0__INTERVALS__ACTIVITY": "1ms"}, "must be at least 1s"),
        ({"PGVIGIL_HTTP_SD__0__URL": f"http://u:{CANARY}@h/"}, "the right form"),
        ({"PGVIGIL_TARGETS__0__LIBPQ": f'{{"{CANARY}x": "1"}}'}, "libpq does not know"),
        ({"PGVIGIL_TARGETS__0__LIBPQ__HOTS": CANARY}, 'Did you mean "host"?'),
        ({"PGVIGIL_ALERTING__HOLD_BY_CHECK__CACHE_HITS": "1m"}, '"cache_hit"'),
    ],
)
def test_each_mistake_is_named_without_its_value(
    environ: dict[str, str], expected: str
) -> None:
    message = refused(environ)

    assert expected in message
    assert next(iter(environ)) in message
    assert CANARY not in message
    assert "pydantic" not in message


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://u:p%zz{CANARY}@h/db",
        f"postgresql://u:{CANARY}@h:{CANARY}x:y/",
        f"host=h password={CANARY} {CANARY}",
        f"host=h passwort={CANARY}",
        f"{CANARY}",
    ],
)
def test_a_bad_dsn_is_refused_without_repeating_it(dsn: str) -> None:
    message = refused({"PGVIGIL_TARGETS__0__DSN": dsn})

    assert "targets[0].dsn is not a connection string" in message
    assert CANARY not in message


def test_two_ways_to_say_the_same_are_refused() -> None:
    target = {"name": "a", "dsn": "host=h", "libpq": {"host": "h"}}

    message = refused({}, targets=[target])

    assert "targets[0] has both dsn and libpq; give one" in message


def test_two_targets_of_one_name_are_refused() -> None:
    assert "two targets have the same name" in refused({}, targets=[{"name": "a"}] * 2)


def test_all_mistakes_are_reported_at_once() -> None:
    message = refused({"PGVIGIL_GOVERNOR__BUDGET": "x", "PGVIGIL_CHECK_INTERVAL": "y"})

    assert "found 2 problems in the settings" in message
    assert "governor.budget must be a number" in message


def test_equal_settings_give_equal_targets() -> None:
    environ = {"PGVIGIL_TARGETS__0__DSN": "host=a", "PGVIGIL_TARGETS__0__NAME": "a"}

    assert settings(environ).to_targets() == settings(environ).to_targets()


def test_no_secret_is_in_the_representation() -> None:
    environ = {
        "PGVIGIL_TARGETS__0__DSN": f"host=h password={CANARY}",
        "PGVIGIL_TARGETS__0__PGBOUNCER_DSN": f"postgresql://u:{CANARY}@h/pgbouncer",
        "PGVIGIL_TARGETS__1__NAME": "b",
        "PGVIGIL_TARGETS__1__LIBPQ__PASSWORD": CANARY,
        "PGVIGIL_HTTP__TOKEN": CANARY,
    }

    found = settings(environ)

    assert CANARY not in f"{found!r} {found} {found.to_targets()!r}"
