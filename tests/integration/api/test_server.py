"""The listening server: address, TLS, rotation, shutdown."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
import yaml
from aiohttp import ClientConnectorError, ClientError, ClientSession

from monitor.api.server import HttpServer
from monitor.api.web_files import WebFiles
from monitor.errors import ConfigError
from tests.integration.api.serving import OPTIONS, FixedState, RecordingOperator
from tests.unit import states


@asynccontextmanager
async def listening(**changes: object) -> AsyncGenerator[HttpServer]:
    options = replace(OPTIONS, **changes)  # pyright: ignore[reportArgumentType]
    server = HttpServer(FixedState(states.state()), RecordingOperator(), options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def status(url: str, context: ssl.SSLContext | None = None) -> int:
    # A connection of its own: a kept one would not shake hands again.
    async with (
        ClientSession() as session,
        session.get(url, ssl=context or True) as response,
    ):
        return response.status


async def test_it_serves_from_start_to_stop() -> None:
    async with listening() as server:
        url = server.url

        assert url.startswith("http://127.0.0.1:")
        assert await status(f"{url}/livez") == 200

    with pytest.raises(ClientConnectorError):
        await status(f"{url}/livez")


async def test_stopping_twice_or_never_started_is_fine() -> None:
    server = HttpServer(FixedState(states.state()), RecordingOperator(), OPTIONS)

    await server.stop()
    await server.stop()


async def test_a_taken_address_is_told_with_a_hint() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ConfigError, match=f'"127.0.0.1:{port}"') as raised:
            async with listening(port=port):
                pass

    assert "http.listen" in raised.value.hint


async def test_a_broken_web_config_is_told_at_start(tmp_path: Path) -> None:
    file = _write(tmp_path / "web.yml", "tls_server_config: {cert_file: c}")

    with pytest.raises(ConfigError, match="needs cert_file and key_file"):
        async with listening(web_config_file=file):
            pass


async def test_a_certificate_that_cannot_be_used_is_told_at_start(
    tmp_path: Path,
) -> None:
    file = _tls_config(tmp_path)

    with pytest.raises(ConfigError, match="could not use certificate"):
        async with listening(web_config_file=file):
            pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_tls_is_served_and_a_rotated_certificate_counts_at_once(
    tmp_path: Path, host: str
) -> None:
    old, new = trustme.CA(), trustme.CA()
    _issue(old, tmp_path)

    async with listening(web_config_file=_tls_config(tmp_path)) as server:
        url = server.url.replace("127.0.0.1", host) + "/livez"
        assert url.startswith("https://")
        assert await status(url, _trusting(old)) == 200

        _issue(new, tmp_path)

        # Nobody has asked since: the handshake itself must notice.
        assert await status(url, _trusting(new)) == 200
        with pytest.raises(ClientConnectorError):
            await status(url, _trusting(old))


async def test_a_certificate_broken_in_rotation_leaves_the_old_one(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    _issue(authority, tmp_path)

    async with listening(web_config_file=_tls_config(tmp_path)) as server:
        _write(tmp_path / "cert.pem", "half a certificate")

        assert await status(f"{server.url}/livez", _trusting(authority)) == 200


async def test_tls_cannot_be_switched_off_while_running(tmp_path: Path) -> None:
    authority = trustme.CA()
    _issue(authority, tmp_path)
    file = _tls_config(tmp_path)

    async with listening(web_config_file=file) as server:
        _write(file, "")

        assert await status(f"{server.url}/livez", _trusting(authority)) == 200


async def test_a_client_without_the_asked_for_certificate_is_turned_away(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    _issue(authority, tmp_path)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    file = _tls_config(
        tmp_path,
        client_ca_file="ca.pem",
        client_auth_type="RequireAndVerifyClientCert",
    )
    async with listening(web_config_file=file) as server:
        url = f"{server.url}/livez"

        assert await status(url, _trusting(authority, client_of=authority)) == 200
        with pytest.raises(ClientError):
            await status(url, _trusting(authority))


async def test_a_new_authority_for_clients_counts_at_once(tmp_path: Path) -> None:
    authority, new = trustme.CA(), trustme.CA()
    _issue(authority, tmp_path)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    file = _tls_config(
        tmp_path,
        client_ca_file="ca.pem",
        client_auth_type="RequireAndVerifyClientCert",
    )

    async with listening(web_config_file=file) as server:
        url = f"{server.url}/livez"
        new.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

        assert await status(url, _trusting(authority, client_of=new)) == 200
        with pytest.raises(ClientError):
            await status(url, _trusting(authority, client_of=authority))


async def test_what_a_handshake_cannot_take_over_is_refused_as_a_whole(
    tmp_path: Path,
) -> None:
    authority, new = trustme.CA(), trustme.CA()
    _issue(authority, tmp_path)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    files = WebFiles(_tls_config(tmp_path))

    _issue(new, tmp_path)
    _tls_config(
        tmp_path,
        client_ca_file="ca.pem",
        client_auth_type="RequireAndVerifyClientCert",
    )

    assert files.config.tls is not None
    assert files.config.tls.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /"])
async def test_a_client_that_does_not_finish_asking_is_let_go(sent: bytes) -> None:
    async with listening(idle_timeout=timedelta(milliseconds=200)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)

        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _tls_config(folder: Path, **more: str) -> Path:
    section = {"cert_file": "cert.pem", "key_file": "key.pem", **more}
    return _write(folder / "web.yml", yaml.safe_dump({"tls_server_config": section}))


def _issue(authority: trustme.CA, folder: Path) -> None:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))


def _trusting(
    authority: trustme.CA, *, client_of: trustme.CA | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    if client_of is not None:
        issued = client_of.issue_cert("prometheus")
        with issued.private_key_and_cert_chain_pem.tempfile() as path:
            context.load_cert_chain(path)
    return context
