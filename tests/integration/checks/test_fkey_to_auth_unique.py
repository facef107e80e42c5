"""Foreign keys on what the service may drop, told from those on primary keys."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, objections, prepare, told

pytestmark = [pytest.mark.pg]

LINT = "fkey_to_auth_unique"
SERVICE = """
create schema auth;
create table auth.users (id integer primary key, phone text unique);
create table auth.identities (phone text references auth.users (phone));
"""
HOLDING = """
create table "Calls" (id integer, phone text references auth.users (phone))
partition by range (id);
create table calls_1 partition of "Calls" for values from (1) to (2);
"""
NEAR_MISSES = """
create table profiles (id integer references auth.users);
create table numbers (phone text unique);
create table own (phone text references numbers (phone));
create table unbound (phone text);
"""


async def test_a_foreign_key_on_a_unique_constraint_is_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, HOLDING)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "Calls.Calls_phone_fkey",
            (
                'foreign key "Calls_phone_fkey" of table public."Calls" references '
                "auth.users by users_phone_key, not by the primary key"
            ),
        )
    ]


async def test_foreign_keys_on_primary_keys_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SERVICE, NEAR_MISSES)

    assert await objections(reader, LINT) == ()
