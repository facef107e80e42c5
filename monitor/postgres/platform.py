"""Installs the platform: the application's database, on top of schema `monitoring`.

What is asked before anything is changed is in `platform_conditions`. An
authentication service that is there already is adopted: its migration is recorded
and neither run nor taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.postgres import install as installation
from monitor.postgres import platform_conditions as conditions
from monitor.postgres.install import Installed
from monitor.postgres.migrate import Migrator
from monitor.postgres.script_runner import Patience
from monitor.postgres.session import Session

SET = "platform"
AUTH = "000"
"""The version that makes an authentication service where there is none."""


@dataclass(frozen=True, slots=True)
class InstalledPlatform:
    """What an installation changed; nothing anywhere when all was there.

    `adopted` are the versions that were recorded without being run.
    """

    monitoring: Installed
    adopted: tuple[str, ...]
    migrations: tuple[str, ...]


async def install(
    session: Session,
    *,
    with_auth_shim: bool = False,
    folder: Path | None = None,
    patience: Patience | None = None,
) -> InstalledPlatform:
    """Install or update schema `monitoring` and then the platform.

    `folder` holds the migrations instead of the shipped ones.

    Raises:
        MigrationError: a condition is not met, and nothing was changed; or a file
            failed, and those before it stay applied.
    """
    planned = await plan(session, with_auth_shim=with_auth_shim, folder=folder)
    migrator = Migrator(session, SET, folder=folder, patience=patience)
    monitoring = await installation.install(session, patience=patience)
    if planned.adopted:
        await migrator.baseline(AUTH)
    applied = await migrator.up()
    return InstalledPlatform(
        monitoring=monitoring,
        adopted=planned.adopted,
        migrations=tuple(m.file for m in applied),
    )


@dataclass(frozen=True, slots=True)
class PlatformPlan:
    """The files that an installation would record only, and those it would run."""

    adopted: tuple[str, ...]
    migrations: tuple[str, ...]


async def plan(
    session: Session, *, with_auth_shim: bool = False, folder: Path | None = None
) -> PlatformPlan:
    """Return what `install` would do; changes nothing.

    Raises:
        MigrationError: a condition is not met.
    """
    migrator = Migrator(session, SET, folder=folder)
    facts = await conditions.ask(session)
    conditions.require_server(facts)
    steps = (await migrator.plan()).steps
    if steps:
        conditions.require(facts, with_auth_shim=with_auth_shim)
    adopted = [m.file for m in steps if m.version == AUTH and facts.has_auth]
    return PlatformPlan(
        adopted=tuple(adopted),
        migrations=tuple(m.file for m in steps if m.file not in adopted),
    )
