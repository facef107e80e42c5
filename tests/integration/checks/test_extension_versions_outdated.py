"""Extensions behind the server, told from those that are up to date."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "extension_versions_outdated"
INSTALL = "create extension btree_gist version '1.2'"


async def offered(admin: Admin) -> str:
    cursor = await admin.execute(
        "select default_version from pg_catalog.pg_available_extensions"
        " where name = 'btree_gist'"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def test_an_extension_behind_the_server_is_found_and_updated(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, INSTALL)

    found = await objections(reader, LINT)
    await apply(admin, found)
    cured = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.WARNING}
    assert told(found) == [
        (
            "btree_gist",
            (
                "extension btree_gist is at version 1.2, "
                f"the server offers {await offered(admin)}"
            ),
        )
    ]
    assert cured == ()


async def test_an_extension_at_the_server_s_version_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, "create extension btree_gist")

    assert await objections(reader, LINT) == ()


async def test_an_extension_whose_files_are_gone_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        "create extension btree_gist",
        "update pg_catalog.pg_extension set extname = 'gone'"
        " where extname = 'btree_gist'",
    )

    assert await objections(reader, LINT) == ()
