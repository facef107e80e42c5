"""A primary and a streaming standby, both throw-away."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from monitor.postgres.binaries import account
from monitor.postgres.throwaway import ThrowawayServer
from tests import servers

SLOT = "standby_slot"


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary, and a standby that streams from it through a slot."""

    primary: ThrowawayServer
    standby: ThrowawayServer

    @property
    def standby_conninfo(self) -> str:
        """Return the superuser's way in; passwords came with the primary's files."""
        password = conninfo_to_dict(self.primary.conninfo())["password"]
        return self.standby.conninfo(password=str(password))


@contextmanager
def pair(major: int, more: Mapping[str, str] = MappingProxyType({})) -> Generator[Pair]:
    """Run a primary and a standby, whose files are a copy of the primary's.

    `more` are settings of both.
    """
    settings = {
        "hot_standby_feedback": "on",
        "wal_receiver_status_interval": "1s",
        "max_prepared_transactions": "5",
        **more,
    }
    binaries = servers.binaries(major)
    with (
        ThrowawayServer(settings, binaries=binaries) as primary,
        ThrowawayServer(settings, binaries=binaries) as standby,
    ):
        with psycopg.connect(primary.conninfo(), autocommit=True) as connection:
            connection.execute(
                "select pg_create_physical_replication_slot(%s, true)", [SLOT]
            )
        primary.stop()
        standby.stop()
        _copy(primary, standby)
        primary.start()
        standby.start()
        yield Pair(primary, standby)


def _copy(primary: ThrowawayServer, standby: ThrowawayServer) -> None:
    source, data = primary.directory / "data", standby.directory / "data"
    shutil.rmtree(data)
    shutil.copytree(source, data)
    parts = conninfo_to_dict(primary.conninfo())
    upstream = make_conninfo(
        host=parts["host"],
        port=parts["port"],
        user=parts["user"],
        password=parts["password"],
        application_name="a_standby",
    ).replace("'", "''")
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = '{upstream}'\n")
        settings.write(f"primary_slot_name = '{SLOT}'\n")
    (data / "standby.signal").touch()
    owner = account()
    for path in (data, *data.rglob("*")):
        owner.own(path)
