"""Settings from files and secrets directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.settings import load

CANARY = "hunter2"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return str(caught.value)


def test_a_yaml_and_a_toml_file_say_the_same(tmp_path: Path) -> None:
    as_yaml = write(tmp_path, "a.yaml", "targets: [{name: a, dsn: host=h}]\n")
    as_toml = write(tmp_path, "a.toml", '[[targets]]\nname = "a"\ndsn = "host=h"\n')

    assert load(as_yaml, {}) == load(as_toml, {})


def test_sources_are_laid_over_one_another_in_order(tmp_path: Path) -> None:
    text = """
        targets: [{name: a, dsn: host=file}, {name: b}]
        http: {listen: ':1'}
        instance: file
        check_interval: 1m
    """
    path = write(tmp_path, "a.yaml", text)
    write(tmp_path, "pgvigil_instance", "secret\n")
    write(tmp_path, "PGVIGIL_TARGETS__0__DSN", "host=secret")
    environ = {
        "PGVIGIL_SECRETS_DIR": str(tmp_path),
        "PGVIGIL_HTTP__LISTEN": ":2",
        "PGVIGIL_INSTANCE": "environment",
    }

    found = load(path, environ, {"instance": "argument"})

    assert found.instance == "argument"
    assert found.http.port == 2
    assert [t.conninfo for t in found.targets] == ["host=secret", ""]
    assert found.check_interval.total_seconds() == 60


def test_the_file_is_named_by_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "instance: x")

    assert load(None, {"PGVIGIL_CONFIG": str(path)}).instance == "x"


def test_systemd_credentials_are_read_and_foreign_files_left_alone(
    tmp_path: Path,
) -> None:
    write(tmp_path, "pgvigil_http__token", CANARY)
    write(tmp_path, "orders-password", CANARY)

    found = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert found.http.token is not None
    assert found.http.token.get_secret_value() == CANARY


def test_a_mistyped_secrets_file_is_an_error(tmp_path: Path) -> None:
    secret = write(tmp_path, "pgvigil_htp__token", CANARY)

    with pytest.raises(ConfigError) as caught:
        load(None, {"PGVIGIL_SECRETS_DIR": str(tmp_path)})

    assert f'"{secret}": htp is not a setting' in str(caught.value)
    assert 'Did you mean "http"?' in str(caught.value)


def test_relative_paths_belong_to_the_files_folder(tmp_path: Path) -> None:
    text = "targets: [{password_file: pw}]\ntarget_files: [t/*.json]\n"

    found = load(write(tmp_path, "a.yaml", text), {})

    assert str(tmp_path / "pw") == found.targets[0].password_file
    assert (str(tmp_path / "t/*.json"),) == found.target_files


def test_a_mistyped_key_is_named_with_file_and_suggestion(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", f"targets: [{{dnsn: {CANARY}}}]")

    message = refused(path)

    assert f'"{path}": targets[0].dnsn is not a setting' in message
    assert 'Did you mean "dsn"?' in message
    assert CANARY not in message


def test_a_value_in_a_keys_place_is_not_repeated(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", f"targets: [{{'postgresql://u:{CANARY}@h': }}]")

    message = refused(path)

    assert "targets[0].(not a name) is not a setting" in message
    assert CANARY not in message


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", f"dsn: [{CANARY}\nb: @{CANARY}", ", line 2, column "),
        ("a.yaml", f"dsn: *{CANARY}", "line 1, column 6: this is not valid YAML"),
        ("a.yaml", f"dsn: !!python/object:{CANARY} x", "this is not valid YAML"),
        ("a.yaml", f"http: {{listen: a}}\nhttp: {CANARY}", "2, column 1: a key is giv"),
        ("a.yaml", f"- {CANARY}", "must hold keys and values at its top"),
        ("a.toml", f"dsn = {CANARY}", "line 1, column 7: this is not valid TOML"),
        ("a.toml", f'a = "{CANARY}"\na = 1', "this is not valid TOML"),
        ("a.ini", f"a={CANARY}", "cannot tell the format"),
    ],
)
def test_a_broken_file_is_named_without_quoting_it(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    path = write(tmp_path, name, text)

    message = refused(path)

    assert str(path) in message
    assert expected in message
    assert CANARY not in message


def test_a_file_that_is_missing_or_not_text_is_an_error(tmp_path: Path) -> None:
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\xff")

    assert "No such file" in refused(tmp_path / "a.yaml")
    assert "is not UTF-8 text" in refused(binary)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "# nothing\n")

    assert load(None, {}) == load(path, {})
