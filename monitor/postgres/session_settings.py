"""The settings that bound what a session can do to a server, and their check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from monitor.model.server import Pooler
from monitor.postgres.request import Request

# server_version_num from which a server looks after its clients' connections.
_CHECKS_CLIENT = 140000
# What is timed runs in one process, and functions of others have nothing to tell.
_TIMING = {
    "max_parallel_workers_per_gather": "0",
    "client_min_messages": "error",
}


class Purpose(StrEnum):
    """What a connection is for; its name and whether it may write follow from it."""

    POLL = "poll"
    SIDE = "side"
    ACT = "act"
    PROBE = "probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each step may take; a zero statement or lock limit is none."""

    connect: timedelta = timedelta(seconds=3)
    statement: timedelta = timedelta(seconds=10)
    lock: timedelta = timedelta(milliseconds=100)
    grace: timedelta = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting as pg_settings shows it, with who and where we are."""

    name: str
    setting: str
    backend_pid: int
    datname: str


def read_request(wanted: Mapping[str, str]) -> Request:
    """Return the query for the settings in force."""
    return Request(
        name="session_settings",
        sql="""
            select
                s.name as name,
                s.setting as setting,
                pg_catalog.pg_backend_pid() as backend_pid,
                pg_catalog.current_database() as datname
            from pg_catalog.pg_settings as s
            where s.name = any(%(names)s)
        """,
        parameters={"names": list(wanted)},
        row=SettingRow,
    )


def set_request(name: str, value: str) -> Request:
    """Return the statement that changes one setting for the session."""
    return Request(
        name="set_session",
        sql="select pg_catalog.set_config(%(name)s, %(value)s, false)",
        parameters={"name": name, "value": value},
    )


def lacking(wanted: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of settings that are not as wanted."""
    return tuple(name for name in wanted if found.get(name) != wanted[name])


def describe(names: tuple[str, ...], found: Mapping[str, str], pooler: Pooler) -> str:
    """Return in words which settings are not in force and why; empty if all are."""
    if not names:
        return ""
    listed = ", ".join(f"{name} = {found.get(name, 'unknown')!r}" for name in names)
    because = {
        Pooler.NONE: "the server did not take our settings",
        Pooler.SESSION: "the session pooler did not take our settings",
        Pooler.TRANSACTION: (
            "a transaction pooler would pass our settings on to other clients"
        ),
    }
    return f"{because[pooler]}: {listed}"


def settings_for(purpose: Purpose, limits: Limits) -> dict[str, str]:
    """Return the session's settings as pg_settings shows them, times in ms.

    Only settings that every supported version knows: the server refuses the
    whole connection for one that it does not.
    """
    is_reader = purpose is not Purpose.ACT
    return {
        **(_TIMING if purpose is Purpose.PROBE else {}),
        "search_path": "pg_catalog, pg_temp",
        "statement_timeout": _milliseconds(limits.statement),
        "lock_timeout": _milliseconds(limits.lock),
        "idle_in_transaction_session_timeout": "5000",
        "default_transaction_read_only": "on" if is_reader else "off",
        "jit": "off",
        "row_security": "on",
    }


def newer_settings(version_num: int) -> dict[str, str]:
    """Return the settings that only servers from 14 know."""
    if version_num < _CHECKS_CLIENT:
        return {}
    return {
        # Ends a statement whose client is gone. 0 where the platform cannot.
        "client_connection_check_interval": "1000",
        # A timeout for idle sessions would silently take our advisory locks.
        "idle_session_timeout": "0",
    }


def startup_options(settings: Mapping[str, str]) -> str:
    """Return settings as the startup parameter `options`."""
    escaped = {
        name: value.replace("\\", "\\\\").replace(" ", "\\ ")
        for name, value in settings.items()
    }
    return " ".join(f"-c {name}={value}" for name, value in escaped.items())


def _milliseconds(duration: timedelta) -> str:
    return str(round(duration.total_seconds() * 1000))
