"""Listens: one address, with TLS where the web configuration says so."""

from __future__ import annotations

import structlog
from aiohttp import web

from monitor.api.application import make_application
from monitor.api.options import ApiOptions
from monitor.api.web_files import WebFiles
from monitor.errors import ConfigError
from monitor.model.state import Operator, StateSource

log = structlog.get_logger()

_SHUTDOWN_SECONDS = 1.0


class HttpServer:
    """Serves the API from `start` to `stop`."""

    def __init__(
        self, state: StateSource, operator: Operator, options: ApiOptions
    ) -> None:
        self._state = state
        self._operator = operator
        self._options = options
        self._runner: web.AppRunner | None = None
        self._port = options.port
        self._has_tls = False

    @property
    def url(self) -> str:
        """Return where this machine reaches it, with the port that was bound."""
        host = self._options.host
        if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            host = "127.0.0.1"
        if ":" in host:
            host = f"[{host}]"
        return f"{'https' if self._has_tls else 'http'}://{host}:{self._port}"

    async def start(self) -> None:
        """Bind the address and serve.

        Raises:
            ConfigError: the address is taken, or a file of the web configuration
                cannot be used.
        """
        options = self._options
        files = WebFiles(options.web_config_file)
        context = files.listening_context()
        self._has_tls = context is not None
        self._warn(files)
        app = make_application(self._state, self._operator, options, files)
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=options.idle_timeout.total_seconds(),
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            site = web.TCPSite(
                runner, options.host or None, options.port, ssl_context=context
            )
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(
                f'could not listen on "{options.host}:{options.port}": '
                f"{error.strerror or error}",
                hint="Set http.listen to an address that is free.",
            ) from error
        self._runner = runner
        self._port = runner.addresses[0][1]

    def _warn(self, files: WebFiles) -> None:
        """Say what a stranger on the network could do."""
        if self._options.is_loopback or files.config.users:
            return
        log.warning(
            "http_open_to_network",
            host=self._options.host,
            hint="Everybody who can connect may read; add basic_auth_users.",
        )

    async def stop(self) -> None:
        """Stop listening and let running requests end, for a second at most."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
