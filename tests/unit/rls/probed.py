"""A view of one table under policies, with traffic and a persona to probe it as."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from monitor.model.credentials import Credentials
from monitor.model.persona import ListedStatement, Persona, RlsOptions
from monitor.model.rls import Guarded, UnitCost
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.stat_activity import ConnectionsRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.target import Target
from monitor.model.view import StatementText, View
from tests.unit.factories import (
    NOW,
    Part,
    current,
    lately,
    make,
    make_catalog,
    make_table,
    view,
)
from tests.unit.rls.test_inventory import policy, reference

ALICE = Persona(name="alice", role="user")
BOB = Persona(name="bob", role="guest")
SERVICE = Persona(name="root", role="service")
NOTES = make_table(
    oid=1, relname="notes", owner="owner", has_rls=True, reltuples=9_000, relpages=90
)
GUARDED = Guarded(
    database="app", relid=1, schemaname="public", relname="notes", role="user"
)
USER_ID, SERVICE_ID = 10, 20
READ = "select body from notes where id = $1"


def options(*personas: Persona, **changes: Any) -> RlsOptions:
    """Return options that allow to probe as these personas, alice by default."""
    login = Credentials(conninfo="")
    return RlsOptions(
        personas=personas or (ALICE,), probe=login, bypass=login, **changes
    )


def statement(userid: int = USER_ID, **changes: Any) -> StatementRow:
    """Return a statement with ten calls and a second of execution."""
    defaults: dict[str, Any] = {
        "userid": userid,
        "dbid": 5,
        "queryid": 7,
        "toplevel": True,
        "calls_total": 10,
        "exec_time_seconds_total": 1.0,
    }
    return make(StatementRow, **(defaults | changes))


def seen(
    *parts: Part,
    statements: tuple[StatementRow, ...] = (statement(),),
    examined: int = 3_000,
    policy_hash: str = "1",
    text: str = READ,
    **rls: Any,
) -> View:
    """Return a view in which `notes` was scanned in the last 300 seconds."""
    roles = (
        make(RoleAttributesRow, rolname="user", privileges_of=("user",)),
        make(RoleAttributesRow, rolname="guest", privileges_of=("guest",)),
        make(RoleAttributesRow, rolname="service", bypasses_rls=True),
    )
    scans = make(TableRow, oid=1, seq_tup_read_total=examined)
    return view(
        lately(StatementRow, *statements),
        lately(TableRow, *([scans] if examined else []), datname="app"),
        current(PolicyReferenceRow, reference(4, hash=policy_hash), datname="app"),
        current(PolicyFunctionRow, datname="app"),
        current(ViewReferenceRow, datname="app"),
        current(RoleAttributesRow, *roles),
        current(ConnectionsRow),
        *parts,
        catalogs=[make_catalog(NOTES, policies=[policy(4, 1, "user")])],
        target=Target(name="probed", rls=rls.pop("rls", None) or options(**rls)),
        databases={5: "app"},
        roles={USER_ID: "user", SERVICE_ID: "service"},
        texts={7: StatementText(queryid=7, text=text)},
    )


def cost(**changes: Any) -> UnitCost:
    """Return a good figure: a microsecond a row, five minutes old."""
    defaults: dict[str, Any] = {
        "table": GUARDED,
        "persona": "alice",
        "policy_set": "set",
        "status": "ok",
        "per_row": 1e-6,
        "low": 0.9e-6,
        "high": 1.1e-6,
        "fixed": 0.0,
        "rows": 1_000,
        "pairs": 7,
        "at": NOW - timedelta(minutes=5),
    }
    return UnitCost(**(defaults | changes))


LISTED = ListedStatement(name="list", database="app", sql="select 1 from notes")
