"""The policies as they were specified first yield every fault that was found in them.

Each line of `specified_faults.txt` names the requirement that tells of the fault, the
lint that finds it with its severity, and the object. The grants are those that
Supabase gives by default with every new table of schema public.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import psycopg
import pytest

from monitor.lint import lint
from monitor.model import script
from monitor.model.finding import Finding
from monitor.postgres.install import install
from monitor.postgres.migrate import Migrator
from tests.integration.postgres.schema import Admin
from tests.platform import session_to

HERE = Path(__file__).parent

SPECIFIED_POLICIES = 8
GRANTS = """
grant usage on schema public to anon, authenticated;
grant all on all tables in schema public to anon, authenticated;
"""
PARTITION = """
create table public.conversation_messages_2031_01
partition of public.conversation_messages
for values from ('2031-01-01') to ('2031-02-01');
"""


def expected(when: str) -> set[tuple[str, str, str]]:
    """Return severity, lint and object of each line of a part."""
    text = (HERE / "specified_faults.txt").read_text("utf-8")
    parts = (part.splitlines() for part in text.strip().split("\n\n"))
    (lines,) = (rest for head, *rest in parts if head == when)
    split = (line.split(maxsplit=3) for line in lines)
    return {(severity, check, name) for _, severity, check, name in split}


def seen(found: Iterable[Finding]) -> set[tuple[str, str, str]]:
    return {(one.severity.value, one.check, str(one.object)) for one in found}


async def specify(conninfo: str, admin: Admin) -> None:
    """Create the tables, and the policies word for word."""
    async with session_to(conninfo) as session:
        await install(session)
        await Migrator(session, "platform").up("001")
    # Both call it that; an index of a partitioned table comes with the table.
    await admin.execute("drop index if exists public.idx_conv_messages_rls")
    text = (HERE / "specified_policies.sql").read_text("utf-8")
    for statement in script.statements(text):
        await admin.execute(statement.encode())
    await admin.execute(GRANTS.encode())


@pytest.mark.pg(">=15")
@pytest.mark.requirement("S8.1.1-e", "S3-a", "S3-p8")
async def test_the_specified_policies_have_every_known_fault_as_written(
    conninfo: str, admin: Admin
) -> None:
    await specify(conninfo, admin)

    with psycopg.connect(conninfo) as connection:
        found = seen(lint(connection))

    assert expected("as written") - found == set()
    # What is not in force is not judged, not even the recursion.
    assert {check for _, check, name in found if name.count(".") > 1} <= {
        "foreign_key_blocks_user_deletion"
    }


@pytest.mark.pg(">=15")
@pytest.mark.requirement(
    "S8.1.1-e",
    "S3-b",
    "S3-c",
    "S3.1.1-a",
    "S3.1.1-b",
    "S3.1.1-c",
    "S3.1.2-a",
    "S3.1.2-b",
    "S3.1.4-b",
    "S3.2.2-a",
)
async def test_switching_row_level_security_on_shows_the_other_faults(
    conninfo: str, admin: Admin
) -> None:
    await specify(conninfo, admin)

    with psycopg.connect(conninfo) as connection:
        # Not committed: what a migration would do is judged before it is done.
        for table in connection.execute(
            "select c.oid::regclass::text from pg_class as c"
            " where c.relnamespace = 'public'::regnamespace"
            " and c.relkind in ('r', 'p') and not c.relispartition"
        ).fetchall():
            switch = f"alter table {table[0]} enable row level security"
            connection.execute(switch.encode())
        connection.execute(PARTITION.encode())
        connection.execute(GRANTS.encode())

        found = seen(lint(connection))

    assert expected("switched on") - found == set()
    per_row = {name for _, check, name in found if check == "policy_volatile_function"}
    assert len(per_row) == SPECIFIED_POLICIES
    assert {n for _, check, n in found if check == "call_not_wrapped"} == per_row
    assert {n for _, check, n in found if check == "policy_reads_own_table"} == {
        "public.user_profiles.Admins can manage all profiles"
    }
