"""Columns with telling names, told from those that only look alike."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "sensitive_columns_exposed"
SECRETS = """
create table people (id integer, password_hash text, "apiKey" text, ssn text);
grant select on people to anon, authenticated;
create table cards (id integer, "Credit-Card" text, iban text);
grant select (id, iban) on cards to authenticated;
"""
NEAR_MISSES = """
create table guarded (id integer, password text);
alter table guarded enable row level security;
grant select on guarded to anon;
create table counted (
    id integer, token_count integer, password_policy text, tokens integer,
    has_password boolean, password boolean, token timestamptz, passport_photo text,
    spinner_token_s text
);
grant select on counted to anon;
create table in_part (id integer, secret text);
grant select (id) on in_part to anon;
create schema hidden;
grant usage on schema hidden to anon;
create table hidden.people (password text);
grant select on hidden.people to anon;
create table dropped (id integer, password text);
grant select on dropped to anon;
alter table dropped drop column password;
"""


async def test_columns_with_telling_names_are_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SECRETS)

    found = await objections(reader, LINT)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "cards",
            (
                "table public.cards has no row level security and "
                "lets authenticated read iban"
            ),
        ),
        (
            "people",
            (
                "table public.people has no row level security and "
                'lets anon and authenticated read "apiKey", password_hash, ssn'
            ),
        ),
    ]


async def test_columns_that_only_look_alike_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_closes_the_table_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, SECRETS)
    found = await objections(reader, LINT)

    await apply(admin, found)
    cured = await objections(reader, LINT)
    await undo(admin, found)

    assert cured == ()
    assert told(await objections(reader, LINT)) == told(found)
