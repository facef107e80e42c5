"""TLS from the web configuration, taken anew at the next handshake after a change."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import cast

from monitor.api.web_config import TlsConfig
from monitor.errors import ConfigError


def make_context(config: TlsConfig) -> ssl.SSLContext:
    """Return a server's context.

    Raises:
        ConfigError: certificate, key or authority cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = config.min_version
    context.maximum_version = config.max_version
    try:
        context.load_cert_chain(config.cert_file, config.key_file)
        if config.client_ca_file is not None:
            context.load_verify_locations(config.client_ca_file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(
            f'could not use certificate "{config.cert_file}": {reason}'
        ) from error
    context.verify_mode = config.verify_mode
    return context


def renewing(
    first: ssl.SSLContext, current: Callable[[], ssl.SSLContext]
) -> ssl.SSLContext:
    """Return the first context, made to hand each handshake the current one.

    The callback runs for every ClientHello, with or without a server name. A
    rotated certificate counts at once, even if nobody accepts the old one.
    """

    def choose(
        connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = current()

    first.sni_callback = cast("Callable[..., None]", choose)
    return first
