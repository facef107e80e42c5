"""The command line without any server: help, pages, settings, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from monitor import __version__
from monitor.cli.context import choose_target
from monitor.cli.root import COMMANDS, pgvigil, run
from monitor.errors import ConfigError
from monitor.settings import load

CANARY = "hunter2"


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(pgvigil, arguments, env=environ, catch_exceptions=False)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        elif name != "healthcheck":
            yield (*path, name)


ALL = list(commands(pgvigil))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    result = invoke(*path, "--help")

    assert result.exit_code == 0
    assert f"Usage: pgvigil {' '.join(path)}" in result.output


def test_every_command_that_prints_can_print_json() -> None:
    silent = {"run", "version", "print-grants", "new"}

    without = [path for path in ALL if "--output" not in invoke(*path, "--help").output]

    assert {path[-1] for path in without} == silent


def test_the_help_lists_every_command() -> None:
    output = invoke("--help").output

    assert all(f"  {name} " in output for name in (*COMMANDS, "healthcheck", "version"))


def test_the_version_is_printed() -> None:
    assert invoke("version").output == f"pgvigil {__version__}\n"
    assert invoke("--version").output == f"pgvigil {__version__}\n"


def test_a_check_is_explained_by_its_own_page() -> None:
    output = invoke("explain", "unused_index").output

    assert output.startswith("unused_index (advice)\n\nAn index has not been scanned")


def test_a_rule_is_explained_under_the_name_that_supabase_has_for_it() -> None:
    output = invoke("explain", "0005_unused_index").output

    assert output == invoke("explain", "unused_index").output
    assert "Supabase's advisors call it `0005_unused_index`." in output


def test_everything_that_can_be_found_can_be_explained() -> None:
    listed = json.loads(invoke("explain", "--output", "json").output)["pages"]

    kinds = {page["kind"] for page in listed}

    assert kinds == {"check", "lint", "advice", "action"}
    assert all(page["title"] for page in listed)


def test_grants_are_printed_for_the_databases_that_are_named() -> None:
    output = invoke("print-grants", "--version", "16", "--database", "shop").output

    assert "grant connect on database shop to pgvigil_reader" in output


def test_the_sql_of_an_installation_is_printed_without_a_server() -> None:
    output = invoke("install", "--print-sql", "--version", "13").output

    assert "create schema monitoring;" in output


def test_settings_are_shown_without_secrets() -> None:
    environ = {"PGVIGIL_TARGETS__0__DSN": f"host=db1 password={CANARY}"}

    as_table = invoke("config", "show", **environ).output
    as_json = invoke("config", "show", "--output", "json", **environ).output

    assert "host=db1" in as_table
    assert "host=db1" in json.loads(as_json)["targets"][0]["dsn"]
    assert CANARY not in as_table + as_json


def test_valid_settings_are_called_so() -> None:
    output = invoke("config", "validate", "--output", "json").output

    assert json.loads(output) == {"valid": True, "targets": ["default"]}


def test_settings_can_be_changed_on_the_command_line() -> None:
    output = invoke("config", "show", "--set", "http.listen=:1").output

    assert "listen: :1" in output


def stderr_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nonsense",), "error: no such command 'nonsense'"),
        (("config", "show", "--nonsense"), "error: no such option '--nonsense'"),
        (("explain", "unused_inde"), 'hint: Did you mean "unused_index"?'),
        (("config", "show", "--set", "htp.listen=:1"), 'hint: Did you mean "http"?'),
        (("config", "show", "--set", "nonsense"), "error: --set takes KEY=VALUE"),
        (("config", "show", "--config", "/none.yaml"), 'could not read "/none.yaml"'),
        (("config", "show", "--dsn", "nonsense"), "is not a connection string"),
        (("migrate", "down", "--target", "x"), 'error: there is no target "x"'),
        (("alerts", "test"), "error: the settings name no Alertmanager"),
    ],
)
def test_mistakes_are_named_without_a_traceback(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    text = stderr_of(capsys, *arguments)

    assert expected in text
    assert text.startswith("error: ")
    assert "Traceback" not in text


def test_a_traceback_is_shown_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "Traceback" in stderr_of(capsys, "--debug", "explain", "nonsense")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dsn", f"postgresql://u:{CANARY}@h/db"),
        ("--dsn", f"host=h password={CANARY}"),
        ("--dsn", f"host=h sslpassword={CANARY}"),
        ("--dsn", f"postgresql://u:%zz{CANARY}@h/db"),
        ("--set", f"targets.0.dsn=host=h password={CANARY}"),
        ("--set", f"targets.0.libpq.password={CANARY}"),
        ("--set", f"http.token={CANARY}"),
    ],
)
def test_secrets_on_the_command_line_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert CANARY not in stderr_of(capsys, "config", "show", *arguments)


def test_a_file_that_holds_a_secret_may_be_named_on_the_command_line() -> None:
    output = invoke("config", "show", "--set", "http.token_file=/run/token").output

    assert "token_file: /run/token" in output


def test_the_only_target_needs_no_name() -> None:
    settings = load(None, {})

    assert choose_target(settings, None).name == "default"


def test_one_of_several_targets_must_be_named() -> None:
    settings = load(None, {}, {"targets": [{"name": "a"}, {"name": "b"}]})

    with pytest.raises(ConfigError, match="not clear which target"):
        choose_target(settings, None)

    assert choose_target(settings, "b").name == "b"
