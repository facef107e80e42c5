"""Changes of row level security on a real server, as the daemon would tell them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from monitor.checks import rls_drift
from monitor.model.baseline import Drift
from monitor.model.finding import Finding, Severity
from monitor.model.persona import RlsOptions
from monitor.model.target import Credentials, Target
from monitor.model.view import View
from monitor.runtime.drift_book import DriftBook, Place
from tests.collecting import bench
from tests.integration.postgres.schema import ensure_role
from tests.judging import Court
from tests.unit.factories import run

Admin = psycopg.AsyncConnection[Any]

READ = (
    "catalog",
    "catalog_definitions",
    "exposed_relations",
    "policy_functions",
    "policy_references",
    "role_attributes",
    "view_references",
)
OPTIONS = RlsOptions(
    api_roles=("drift_anon", "drift_user"), anonymous_roles=("drift_anon",)
)
KEEP = timedelta(hours=24)

SCHEMA = """
    grant usage on schema public to drift_anon, drift_user;
    create table notes (id int, owner text);
    create table plain (id int);
    create table loose (id int);
    grant select on loose to drift_user;
    create function me() returns text language sql stable
        as 'select current_user::text';
    alter table notes enable row level security;
    alter table notes force row level security;
    create policy own on notes for select to drift_user using (owner = me());
    create policy add on notes for insert to drift_user with check (owner = me());
    grant select, insert on notes to drift_user;
    create view shown with (security_barrier) as select id from notes;
"""


@dataclass
class Sentinel:
    """Reads a database again and again and compares it with what it was first."""

    court: Court
    book: DriftBook = field(default_factory=DriftBook)

    async def look(
        self, *, muted: frozenset[Place] = frozenset(), later: timedelta = timedelta(0)
    ) -> list[Finding]:
        await self.court.read(*READ)
        # Definitions come one reading after the catalog.
        await self.court.read("catalog", "catalog_definitions")
        seen: View = self.court.view()
        seen = replace(
            seen,
            target=Target(name="test", rls=OPTIONS),
            now=seen.now + later,
        )
        told: dict[str, tuple[Drift, ...]] = self.book.look(seen, muted, KEEP)
        return run(rls_drift, replace(seen, drifts=told))


@asynccontextmanager
async def sentinel(reader: Credentials, admin: Admin) -> AsyncGenerator[Sentinel]:
    for name in ("drift_anon", "drift_user", "drift_owner"):
        await ensure_role(admin, name, "nosuperuser nobypassrls")
    await admin.execute(SCHEMA.encode())
    async with bench(reader, rls=OPTIONS) as at:
        watching = Sentinel(Court(at))
        assert await watching.look() == []
        yield watching


@pytest.mark.pg
@pytest.mark.parametrize(
    ("change", "kind", "severity"),
    [
        (
            "alter table notes disable row level security",
            "rls_switched_off",
            Severity.CRITICAL,
        ),
        (
            "alter table notes no force row level security",
            "force_dropped",
            Severity.CRITICAL,
        ),
        ("alter role drift_user bypassrls", "bypass_granted", Severity.CRITICAL),
        (
            "create table leak (id int); grant select (id) on leak to drift_anon",
            "exposed_without_rls",
            Severity.CRITICAL,
        ),
        (
            "grant delete on plain to drift_user",
            "exposed_without_rls",
            Severity.CRITICAL,
        ),
        (
            "grant update on notes to drift_anon",
            "granted_to_anonymous",
            Severity.WARNING,
        ),
        (
            "grant select on shown to drift_anon",
            "granted_to_anonymous",
            Severity.WARNING,
        ),
        (
            "alter policy own on notes using (true)",
            "policy_changed",
            Severity.WARNING,
        ),
        (
            "alter policy own on notes to public",
            "policy_changed",
            Severity.WARNING,
        ),
        (
            "create policy more on notes for select using (true)",
            "policy_created",
            Severity.WARNING,
        ),
        ("drop policy add on notes", "policy_dropped", Severity.WARNING),
        ("alter table notes owner to drift_owner", "owner_changed", Severity.WARNING),
    ],
)
async def test_a_change_is_found_and_ends_when_its_remedy_takes_it_back(
    reader: Credentials, admin: Admin, change: str, kind: str, severity: Severity
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute(change.encode())

        (found,) = await watching.look()
        assert found.remedy is not None
        await admin.execute(found.remedy.sql.encode())
        after = await watching.look()

    assert kind in found.object.name
    assert found.severity is severity
    assert after == []


@pytest.mark.pg
async def test_a_helper_with_another_body_is_found(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute(
            "create or replace function me() returns text language sql stable"
            " as 'select ''anybody'''"
        )

        (found,) = await watching.look()

    assert found.summary == "function public.me(), which policies call, was changed"
    assert found.severity is Severity.WARNING


@pytest.mark.pg(">=15")
async def test_a_view_that_stops_asking_as_its_caller_is_found(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute("alter view shown set (security_invoker = true)")
        await watching.look(later=2 * KEEP)
        await watching.look(later=4 * KEEP)
        await admin.execute("alter view shown set (security_invoker = false)")

        (found,) = await watching.look(later=4 * KEEP)

    assert "view_rights_changed" in found.object.name


@pytest.mark.pg
@pytest.mark.parametrize(
    "change",
    [
        "create table inner_log (id int)",
        """
        create schema hidden; create table hidden.t (id int);
        grant select on hidden.t to drift_anon
        """,
        """
        create table safe (id int); alter table safe enable row level security;
        create policy p on safe using (false); grant select on safe to drift_anon
        """,
        """
        alter table plain enable row level security;
        create policy p on plain using (true)
        """,
        """
        drop policy own on notes;
        create  policy own on notes for select to drift_user using (owner = me())
        """,
        "alter table notes rename to remarks",
        "drop table notes cascade",
        "analyze notes; vacuum plain",
        "insert into notes select 1, 'x'",
        "revoke select on loose from drift_user",
        "create role drift_new; drop role drift_new",
    ],
)
async def test_what_exposes_nothing_is_not_told(
    reader: Credentials, admin: Admin, change: str
) -> None:
    async with sentinel(reader, admin) as watching:
        for statement in change.split(";"):
            await admin.execute(statement.encode())

        found = await watching.look()

    assert found == []


@pytest.mark.pg
async def test_a_new_partition_without_grants_is_not_told(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute(
            "create table logs (at date) partition by range (at);"
            "alter table logs enable row level security;"
            "create policy all_of_it on logs using (true);"
            "grant select on logs to drift_user;"
        )
        await watching.look()
        await admin.execute(
            "create table logs_1 partition of logs"
            " for values from ('2026-01-01') to ('2026-02-01')"
        )

        quiet = await watching.look()
        await admin.execute("grant select on logs_1 to drift_user")
        (found,) = await watching.look()

    assert quiet == []
    assert found.object.name == "logs_1 exposed_without_rls"


@pytest.mark.pg
async def test_a_table_protected_later_is_watched_from_then_on(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute("alter table plain enable row level security")
        await watching.look()
        await admin.execute("alter table plain disable row level security")

        (found,) = await watching.look()

    assert found.object.name == "plain rls_switched_off"


@pytest.mark.pg
async def test_a_mute_accepts_this_change_and_not_the_next(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute("alter policy own on notes using (true)")
        (first,) = await watching.look()
        muted = frozenset({(first.database, str(first.object))})

        accepted = await watching.look(muted=muted)
        still = await watching.look(muted=muted)
        await admin.execute("alter policy own on notes using (owner is not null)")
        (second,) = await watching.look(muted=muted)

    assert (accepted, still) == ([], [])
    assert second.id != first.id
    assert ("before", "own permissive for select to drift_user using true") in [
        (each.name, each.value) for each in second.evidence
    ]


@pytest.mark.pg
async def test_a_change_that_stands_for_long_becomes_the_accepted_state(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute("alter table notes disable row level security")
        (found,) = await watching.look()

        before = await watching.look(later=KEEP - timedelta(minutes=5))
        after = await watching.look(later=KEEP + timedelta(minutes=5))
        await admin.execute("alter table notes enable row level security")
        back = await watching.look(later=KEEP + timedelta(minutes=5))

    assert [each.id for each in before] == [found.id]
    assert (after, back) == ([], [])


@pytest.mark.pg
async def test_two_changes_of_one_table_are_accepted_each_by_itself(
    reader: Credentials, admin: Admin
) -> None:
    async with sentinel(reader, admin) as watching:
        await admin.execute("alter table notes disable row level security")
        await admin.execute("alter table notes no force row level security")
        first, second = await watching.look()
        muted = frozenset({(first.database, str(first.object))})

        left = await watching.look(muted=muted)
        unmuted = await watching.look()

    assert [each.id for each in left] == [second.id]
    assert [each.id for each in unmuted] == [second.id]
