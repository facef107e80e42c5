"""What the collectors of lints bring reaches the rules through the runtime."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.rows import TupleRow

from monitor.model.target import Credentials, Target
from monitor.runtime.memory import Memory
from monitor.runtime.rules import discover
from monitor.runtime.windows import WindowBook
from tests.collecting import bench

Admin = psycopg.AsyncConnection[TupleRow]


@pytest.mark.promise(5)
async def test_a_lint_that_objects_to_nothing_has_spoken(
    reader: Credentials, admin: Admin
) -> None:
    rule = discover()["rls_without_policy"]
    await admin.execute("create table t (id integer)")
    memory = Memory(Target(name="test"), span_seconds=300, windows=WindowBook())
    async with bench(reader) as at:
        collected = await at.collect("lints")
        memory.absorb("lints", at.session.dbname, collected, expires_at=1e12)
        view = memory.view(at.server, datetime.now(UTC))

    assert list(rule.check(view, rule.thresholds())) == []
    assert not rule.is_blind(view, at.session.dbname)
