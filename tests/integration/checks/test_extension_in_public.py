"""Extensions among what the API exposes, told from those that are elsewhere."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "extension_in_public"
# The monitoring role's own is in public, too.
OTHERS_GONE = "drop extension pg_stat_statements"


async def test_an_extension_in_an_exposed_schema_is_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, OTHERS_GONE, "create extension fuzzystrmatch")

    found = await objections(reader, LINT)

    assert [(f.severity, f.object.type) for f in found] == [
        (Severity.WARNING, "extension")
    ]
    assert told(found) == [
        (
            "fuzzystrmatch",
            "extension fuzzystrmatch lies in schema public, which the API exposes",
        )
    ]
    assert [f.remedy for f in found] == [None]


async def test_an_extension_elsewhere_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        OTHERS_GONE,
        "create schema extensions",
        "create extension fuzzystrmatch schema extensions",
    )

    assert await objections(reader, LINT) == ()


async def test_an_extension_in_a_schema_that_no_request_may_enter_is_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        OTHERS_GONE,
        "create extension fuzzystrmatch",
        "revoke usage on schema public from public",
    )

    assert await objections(reader, LINT) == ()


async def test_the_remedy_moves_an_extension_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(
        admin,
        OTHERS_GONE,
        "create extension fuzzystrmatch",
        "create schema extensions",
    )
    found = await objections(reader, LINT)

    await apply(admin, found)
    cured = await objections(reader, LINT)
    await undo(admin, found)

    assert len(found) == 1
    assert cured == ()
    assert told(await objections(reader, LINT)) == told(found)
