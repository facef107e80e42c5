"""Queues open to the API, told from those that are guarded or out of reach."""

from __future__ import annotations

import pytest

from monitor.model.finding import Severity
from monitor.model.persona import RlsOptions
from monitor.model.target import Credentials
from tests.linting import Admin, apply, objections, prepare, told, undo

pytestmark = [pytest.mark.pg]

LINT = "insecure_queue_exposed_in_api"
EXPOSED = RlsOptions(exposed_schemas=("public", "pgmq_public"))
# A stand-in: the tables that pgmq makes, without what works on them.
QUEUES = """
create schema pgmq;
grant usage on schema pgmq to anon, authenticated;
create table pgmq."q_Orders" (msg_id bigint, message jsonb);
grant select, delete on pgmq."q_Orders" to authenticated;
"""
NEAR_MISSES = """
create schema pgmq;
grant usage on schema pgmq to anon, authenticated;
create table pgmq.q_guarded (msg_id bigint);
alter table pgmq.q_guarded enable row level security;
grant select on pgmq.q_guarded to anon;
create table pgmq.q_closed (msg_id bigint);
grant select on pgmq.q_closed to service_role;
create table pgmq.meta (queue_name text);
grant select on pgmq.meta to anon;
create table public.q_orders (msg_id bigint);
"""


async def test_a_queue_that_requests_can_read_is_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, QUEUES)

    found = await objections(reader, LINT, EXPOSED)

    assert {f.severity for f in found} == {Severity.CRITICAL}
    assert told(found) == [
        (
            "q_Orders",
            (
                'queue pgmq."q_Orders" has no row level security '
                "and is open to authenticated"
            ),
        )
    ]


async def test_queues_that_are_guarded_or_closed_are_not_found(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, NEAR_MISSES)

    assert await objections(reader, LINT, EXPOSED) == ()


async def test_queues_are_out_of_reach_where_their_schema_is_not_exposed(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, QUEUES)

    assert await objections(reader, LINT) == ()


async def test_the_remedy_closes_a_queue_and_can_be_taken_back(
    reader: Credentials, admin: Admin
) -> None:
    await prepare(admin, QUEUES)
    found = await objections(reader, LINT, EXPOSED)

    await apply(admin, found)
    cured = await objections(reader, LINT, EXPOSED)
    await undo(admin, found)

    assert cured == ()
    assert told(await objections(reader, LINT, EXPOSED)) == told(found)
