"""The web configuration file, in the form that exporter-toolkit defines.

Operators reuse the file that they have. What we cannot do is refused by name
rather than ignored: a setting that silently does nothing is a hole.
Source: github.com/prometheus/exporter-toolkit, docs/web-configuration.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from ssl import CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED, TLSVersion, VerifyMode
from typing import TypeVar, cast

import yaml

from monitor.errors import ConfigError

_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users")
_TLS = (
    "cert_file",
    "key_file",
    "client_ca_file",
    "client_auth_type",
    "min_version",
    "max_version",
)
_HTTP = ("http2", "headers")
_UNSUPPORTED = frozenset(
    {
        "cert",
        "key",
        "client_ca",
        "client_allowed_sans",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
        "rate_limit",
    }
)
_VERSIONS = {"TLS12": TLSVersion.TLSv1_2, "TLS13": TLSVersion.TLSv1_3}
_CLIENTS: dict[str, VerifyMode] = {
    "NoClientCert": CERT_NONE,
    "VerifyClientCertIfGiven": CERT_OPTIONAL,
    "RequireAndVerifyClientCert": CERT_REQUIRED,
}
_HEADERS = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
)
_BCRYPT = re.compile(r"\$2[aby]?\$\d\d\$[./A-Za-z0-9]{53}")

Section = Mapping[str, object]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """Certificate, key, and what is asked of clients."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    verify_mode: VerifyMode = CERT_NONE
    min_version: TLSVersion = TLSVersion.TLSv1_2
    max_version: TLSVersion = TLSVersion.MAXIMUM_SUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """TLS, users with their bcrypt hashes, and headers for every response."""

    tls: TlsConfig | None = None
    users: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def read(path: Path) -> WebConfig:
    """Return what a web configuration file says.

    Raises:
        ConfigError: it cannot be read, or says what we do not know or cannot do.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document: object = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'could not read "{path}": {_reason(error)}') from error
    except yaml.YAMLError as error:
        # Its message quotes the line, which may hold a hash.
        raise ConfigError(f'"{path}" is not valid YAML') from error
    try:
        return _parse({} if document is None else document, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", hint=error.hint) from error


def _reason(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "not UTF-8"


def _parse(document: object, folder: Path) -> WebConfig:
    sections = _section(document, "the file", _SECTIONS)
    tls = sections.get("tls_server_config")
    http = _section(sections.get("http_server_config"), "http_server_config", _HTTP)
    if http.get("http2"):
        raise ConfigError(
            'http_server_config.http2 is not supported; set it to "false"'
        )
    return WebConfig(
        tls=_tls(tls, folder) if tls is not None else None,
        users=_users(sections.get("basic_auth_users")),
        headers=_headers(http.get("headers")),
    )


def _section(value: object, where: str, known: tuple[str, ...]) -> Section:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a mapping")
    found = {str(key): one for key, one in cast("dict[object, object]", value).items()}
    for key in found:
        if key in known:
            continue
        if key in _UNSUPPORTED:
            raise ConfigError(f'"{key}" in {where} is not supported')
        close = get_close_matches(key, known, n=1)
        hint = f'Did you mean "{close[0]}"?' if close else ""
        raise ConfigError(f'unknown key "{key}" in {where}', hint=hint)
    return found


def _tls(value: object, folder: Path) -> TlsConfig | None:
    table = _section(value, "tls_server_config", _TLS)
    if not table:
        return None
    cert, key = (_path(table, name, folder) for name in ("cert_file", "key_file"))
    if cert is None or key is None:
        raise ConfigError("tls_server_config needs cert_file and key_file")
    clients = _choice(table, "client_auth_type", _CLIENTS, CERT_NONE)
    authority = _path(table, "client_ca_file", folder)
    if (authority is not None) != (clients is not CERT_NONE):
        raise ConfigError(
            "client_ca_file and a client_auth_type that verifies need each other"
        )
    return TlsConfig(
        cert_file=cert,
        key_file=key,
        client_ca_file=authority,
        verify_mode=clients,
        min_version=_choice(table, "min_version", _VERSIONS, TLSVersion.TLSv1_2),
        max_version=_choice(
            table, "max_version", _VERSIONS, TLSVersion.MAXIMUM_SUPPORTED
        ),
    )


def _path(table: Section, name: str, folder: Path) -> Path | None:
    value = table.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a path")
    return folder / value


def _choice(table: Section, name: str, known: Mapping[str, _T], default: _T) -> _T:
    value = table.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{name} must be one of {', '.join(known)}")
    return known[value]


def _users(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError("basic_auth_users must be a mapping")
    found: dict[str, str] = {}
    for name, hashed in cast("dict[object, object]", value).items():
        if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
            raise ConfigError(f'password of user "{name}" is not a bcrypt hash')
        found[str(name)] = hashed
    return found


def _headers(value: object) -> dict[str, str]:
    table = _section(value, "headers", _HEADERS)
    for name, text in table.items():
        if not isinstance(text, str) or not text.isprintable():
            raise ConfigError(f'header "{name}" must be one line of text')
    return {name: str(text) for name, text in table.items()}
