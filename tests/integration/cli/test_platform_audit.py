"""pgvigil platform audit: sealed days, and exit statuses that tell of tampering."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict

from monitor.cli.platform_audit import FOUND
from monitor.cli.root import pgvigil
from tests.integration.cli.test_schema import VARIABLES
from tests.platform import Connection, Platform

pytestmark = [pytest.mark.pg(">=15"), pytest.mark.requirement("S5.2.1-h")]

SEALED_DAYS = 4
"""From five days ago to the day before yesterday."""


@pytest.fixture
async def owner(platform: Platform) -> Connection:
    """Return the owner of a log with one row, of five days ago."""
    await platform.owner.execute(
        """
        insert into public.audit_logs (
            table_name,
            operation,
            created_at,
            created_date
        )
        values (
            'things',
            'INSERT',
            ((now() at time zone 'UTC')::date - 5) at time zone 'UTC',
            (now() at time zone 'UTC')::date - 5
        )
        """
    )
    return platform.owner


async def audit(platform: Platform, *arguments: str) -> Result:
    """Run a command; its exit status is the result's return value."""
    parts = conninfo_to_dict(platform.conninfo)
    environ = {VARIABLES[k]: str(v) for k, v in parts.items()}
    return await asyncio.to_thread(
        CliRunner().invoke,
        pgvigil,
        ["platform", "audit", *arguments],
        env=environ,
        standalone_mode=False,
    )


async def document(platform: Platform, *arguments: str) -> Any:
    result = await audit(platform, *arguments, "--output", "json")
    assert result.exception is None, result.output
    return json.loads(result.stdout)


async def forge(owner: Connection) -> None:
    """Change the row in the way that is meant for maintenance."""
    async with owner.transaction():
        await owner.execute("select app_private.begin_audit_maintenance()")
        await owner.execute(
            "update public.audit_logs set table_name = 'others'"
            " where table_name = 'things'"
        )


async def test_a_sealed_log_verifies_until_somebody_changes_it(
    owner: Connection, platform: Platform
) -> None:
    sealed = await document(platform, "seal")
    sound = await audit(platform, "verify")
    await forge(owner)

    tampered = await audit(platform, "verify")

    assert sealed == {"sealed": SEALED_DAYS}
    assert sound.return_value == 0
    assert f"{SEALED_DAYS} OK" in sound.stdout
    assert tampered.return_value == FOUND
    assert "CHANGED" in tampered.stdout
    assert "1 row(s), 1 sealed; the rows are others" in tampered.stdout


async def test_a_noted_seal_tells_that_all_was_written_anew(
    owner: Connection, platform: Platform
) -> None:
    await audit(platform, "seal")
    noted = (await document(platform, "verify"))["newest_seal"]["seal"]
    kept = await document(platform, "verify", "--noted", noted)
    await forge(owner)
    async with owner.transaction():
        await owner.execute("select app_private.begin_audit_maintenance()")
        await owner.execute("delete from app_private.audit_seals")
    await audit(platform, "seal")

    deceived = await document(platform, "verify")
    found = await audit(platform, "verify", "--noted", noted)

    assert (kept["sound"], kept["noted_seal_found"]) == (True, True)
    assert (deceived["sound"], deceived["noted_seal_found"]) == (True, None)
    assert deceived["newest_seal"]["seal"] != noted
    assert found.return_value == FOUND
    assert "the noted seal is not there" in found.stdout


async def test_verifying_writes_nothing_and_names_every_day(
    owner: Connection, platform: Platform
) -> None:
    cursor = await owner.execute("select (now() at time zone 'UTC')::date - 5")
    row = await cursor.fetchone()
    assert row is not None
    first: date = row[0]

    before = await document(platform, "verify")

    assert before["newest_seal"] is None
    assert {
        "created_date": first.isoformat(),
        "status": "UNSEALED",
        "details": "1 row(s)",
    } in before["days"]


async def test_days_are_sealed_up_to_the_one_that_is_named(
    owner: Connection, platform: Platform
) -> None:
    cursor = await owner.execute("select ((now() at time zone 'UTC')::date - 4)::text")
    row = await cursor.fetchone()
    assert row is not None

    sealed = await audit(platform, "seal", "--up-to", row[0])

    assert sealed.stdout == "2 day(s) sealed\n"


@pytest.mark.parametrize("text", ["xyz", "00", "", "g" * 64])
async def test_what_is_no_seal_is_refused(platform: Platform, text: str) -> None:
    result = await audit(platform, "verify", "--noted", text)

    assert "is not a seal of 64 hexadecimal digits" in str(result.exception)
