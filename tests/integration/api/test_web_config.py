"""The exporter-toolkit's web configuration file, as Prometheus's own tool reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from ssl import CERT_OPTIONAL, CERT_REQUIRED, TLSVersion

import bcrypt
import pytest
import yaml

from monitor.api import web_config
from monitor.errors import ConfigError

HASH = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
PROMTOOL = shutil.which("promtool")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


def write(file: Path, **sections: object) -> Path:
    file.write_text(yaml.safe_dump(sections))
    return file


def test_users_tls_and_headers_are_read(file: Path) -> None:
    write(
        file,
        basic_auth_users={"scraper": HASH},
        tls_server_config={
            "cert_file": "cert.pem",
            "key_file": "/keys/key.pem",
            "client_ca_file": "ca.pem",
            "client_auth_type": "RequireAndVerifyClientCert",
            "min_version": "TLS13",
        },
        http_server_config={
            "http2": False,
            "headers": {"Strict-Transport-Security": "max-age=1"},
        },
    )

    config = web_config.read(file)

    assert config.users == {"scraper": HASH}
    assert config.headers == {"Strict-Transport-Security": "max-age=1"}
    assert config.tls is not None
    assert config.tls.cert_file == file.parent / "cert.pem"
    assert config.tls.key_file == Path("/keys/key.pem")
    assert config.tls.verify_mode is CERT_REQUIRED
    assert config.tls.min_version is TLSVersion.TLSv1_3


def test_an_empty_file_configures_nothing(file: Path) -> None:
    file.write_text("")

    assert web_config.read(file) == web_config.WebConfig()


def test_clients_may_be_verified_only_if_they_have_a_certificate(file: Path) -> None:
    write(
        file,
        tls_server_config={
            "cert_file": "c",
            "key_file": "k",
            "client_ca_file": "a",
            "client_auth_type": "VerifyClientCertIfGiven",
        },
    )

    config = web_config.read(file)

    assert config.tls is not None
    assert config.tls.verify_mode is CERT_OPTIONAL


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"basic_auth_user": {}}, 'unknown key "basic_auth_user"'),
        ({"tls_server_config": {"cert": "x"}}, '"cert" in tls_server_config is not'),
        ({"rate_limit": {}}, '"rate_limit" in the file is not supported'),
        (
            {"tls_server_config": {"cipher_suites": ["x"]}},
            '"cipher_suites" in tls_server_config is not supported',
        ),
        ({"http_server_config": {"http2": True}}, "http2 is not supported"),
        ({"http_server_config": {"headers": {"Server": "x"}}}, 'unknown key "Server"'),
        (
            {"http_server_config": {"headers": {"X-Frame-Options": "a\nb"}}},
            "must be one line",
        ),
        ({"tls_server_config": {"cert_file": "c"}}, "needs cert_file and key_file"),
        (
            {
                "tls_server_config": {
                    "cert_file": "c",
                    "key_file": "k",
                    "client_ca_file": "a",
                }
            },
            "need each other",
        ),
        (
            {
                "tls_server_config": {
                    "cert_file": "c",
                    "key_file": "k",
                    "client_auth_type": "RequireAnyClientCert",
                }
            },
            "client_auth_type must be one of",
        ),
        (
            {
                "tls_server_config": {
                    "cert_file": "c",
                    "key_file": "k",
                    "min_version": "TLS10",
                }
            },
            "min_version must be one of TLS12, TLS13",
        ),
        ({"tls_server_config": {"cert_file": 1}}, "cert_file must be a path"),
        ({"basic_auth_users": ["x"]}, "basic_auth_users must be a mapping"),
        ({"http_server_config": []}, "http_server_config must be a mapping"),
    ],
    ids=str,
)
def test_what_is_unknown_or_cannot_be_done_is_refused_by_name(
    file: Path, sections: dict[str, object], words: str
) -> None:
    write(file, **sections)

    with pytest.raises(ConfigError, match=words) as raised:
        web_config.read(file)

    assert str(file) in raised.value.message


def test_a_close_name_is_suggested(file: Path) -> None:
    write(file, basic_auth_user={})

    with pytest.raises(ConfigError) as raised:
        web_config.read(file)

    assert raised.value.hint == 'Did you mean "basic_auth_users"?'


@pytest.mark.promise(14)
@pytest.mark.parametrize(
    "text",
    [
        'basic_auth_users: {scraper: "plain-s3cr3t-canary"}',
        "basic_auth_users: {scraper: s3cr3t-canary",
        "s3cr3t-canary",
    ],
)
def test_no_value_is_in_an_error(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError) as raised:
        web_config.read(file)

    assert "s3cr3t-canary" not in str(raised.value)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        web_config.read(file)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_accepts_the_same_file(file: Path, tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    write(
        file,
        basic_auth_users={"scraper": HASH},
        http_server_config={"headers": {"X-Frame-Options": "deny"}},
    )

    done = subprocess.run(
        [PROMTOOL or "", "check", "web-config", str(file)],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert web_config.read(file).users == {"scraper": HASH}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_refuses_what_we_refuse(file: Path) -> None:
    write(file, basic_auth_user={})

    done = subprocess.run(
        [PROMTOOL or "", "check", "web-config", str(file)],
        capture_output=True,
        check=False,
    )

    assert done.returncode != 0
