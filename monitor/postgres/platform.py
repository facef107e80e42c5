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
    migrator = Migrator(session, SET, folder=folder, patience=patience)
    facts = await conditions.ask(session)
    conditions.require(facts, with_auth_shim=with_auth_shim)
    plan = await migrator.plan()
    monitoring = await installation.install(session, patience=patience)
    adopts = facts.has_auth and any(m.version == AUTH for m in plan.pending)
    adopted = await migrator.baseline(AUTH) if adopts else ()
    applied = await migrator.up()
    return InstalledPlatform(
        monitoring=monitoring,
        adopted=tuple(m.file for m in adopted),
        migrations=tuple(m.file for m in applied),
    )
