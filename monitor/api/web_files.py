"""Keeps the web configuration current: files are read again when they change."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path

import structlog

from monitor.api import tls, web_config
from monitor.api.web_config import TlsConfig, WebConfig
from monitor.errors import ConfigError

log = structlog.get_logger()

_Signature = tuple[tuple[int, int, int] | None, ...]


class WebFiles:
    """The configuration in force; asking for it costs a few stat calls.

    A change that cannot be used keeps what was in force and is logged once.
    Switching TLS on or off, client_auth_type and the TLS versions need a restart:
    a handshake that has begun takes over only certificates.

    Raises:
        ConfigError: on construction, if the files cannot be used.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._config = web_config.read(path) if path else WebConfig()
        self._context = self._make_context(self._config)
        self._seen = self._signature()
        self._is_broken = False

    @property
    def config(self) -> WebConfig:
        """Return what is in force now."""
        self._look()
        return self._config

    @property
    def context(self) -> ssl.SSLContext | None:
        """Return the context for the next handshake; None without TLS."""
        self._look()
        return self._context

    def listening_context(self) -> ssl.SSLContext | None:
        """Return the context to listen with, which follows changes."""
        config = self._config
        if config.tls is None:
            return None
        return tls.renewing(tls.make_context(config.tls), self._current_context)

    def _current_context(self) -> ssl.SSLContext:
        context = self.context
        if context is None:
            raise ConfigError("cannot switch TLS off while running")
        return context

    def _look(self) -> None:
        if self._path is None:
            return
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._adopt(web_config.read(self._path))
        except ConfigError as error:
            if not self._is_broken:
                log.warning("web_config_not_loaded", error=error.message)
            self._is_broken = True
            return
        self._is_broken = False
        log.info("web_config_loaded")

    def _adopt(self, config: WebConfig) -> None:
        if _fixed(config.tls) != _fixed(self._config.tls):
            raise ConfigError(
                "TLS on or off, client_auth_type and versions cannot change while "
                "running"
            )
        self._context = self._make_context(config)
        self._config = config

    def _make_context(self, config: WebConfig) -> ssl.SSLContext | None:
        return tls.make_context(config.tls) if config.tls else None

    def _signature(self) -> _Signature:
        return tuple(_stamp(path) for path in self._files())

    def _files(self) -> Iterable[Path]:
        if self._path is not None:
            yield self._path
        if (config := self._config.tls) is not None:
            yield from (config.cert_file, config.key_file)
            if config.client_ca_file is not None:
                yield config.client_ca_file


def _fixed(config: TlsConfig | None) -> tuple[object, ...]:
    if config is None:
        return ()
    return config.verify_mode, config.min_version, config.max_version


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
