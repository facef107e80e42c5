"""Policies on a real server with all that proving a rewrite of one takes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from monitor.model.catalog import Catalog, Policy
from monitor.model.finding import Finding
from monitor.model.persona import Persona, RlsOptions
from monitor.model.rls import Probes, Saving
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.model.snapshot import Reading
from monitor.model.target import Credentials, Target
from monitor.model.view import Key, View
from monitor.probes.pair import ProbePair
from monitor.probes.saving import predict
from monitor.rls.inventory import Inventory, inventory
from monitor.rls.rewriting import Rewrite, rewrites
from monitor.runtime.evaluate import Evaluator
from monitor.runtime.rules import discover
from monitor.runtime.thresholds import ThresholdBook
from tests.collecting import Bench, bench

Connection = psycopg.AsyncConnection[TupleRow]

PASSWORD = "probing"
CLAIMS = "request.jwt.claims"
_KINDS: dict[str, type[Any]] = {
    "policy_functions": PolicyFunctionRow,
    "policy_references": PolicyReferenceRow,
    "role_attributes": RoleAttributesRow,
    "view_references": ViewReferenceRow,
}
_CATALOG = ("catalog", "catalog_definitions", "stat_user_tables", "lints")
_ROLES = """
create role {anon} nologin;
create role {user} nologin;
create role {service} nologin bypassrls;
create role {probe} login password {password};
create role {bypass} login password {password};
grant {anon}, {user} to {probe};
grant {service} to {bypass};
create schema auth;
create function auth.uid() returns uuid language sql stable as
    $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb
        ->> 'sub')::uuid $$;
grant usage on schema auth, public to {anon}, {user}, {service}
"""
_GRANT = "grant select on all tables in schema public to {anon}, {user}, {service}"


@dataclass(frozen=True)
class Stage:
    """A database with personas, both logins, and the way to what is judged there."""

    admin: Connection
    at: Bench
    options: RlsOptions
    names: dict[str, sql.Identifier]

    async def lay_down(self, statements: str) -> None:
        """Run statements as the superuser; the roles are {anon}, {user}, {service}."""
        composed = sql.SQL(statements).format(**self.names)  # pyright: ignore[reportArgumentType] - tests' own text
        await self.admin.execute(composed)
        await self.admin.execute(sql.SQL(_GRANT).format(**self.names))
        await self.admin.execute("analyze")

    async def apply(self, statements: str) -> None:
        """Run a remedy as it stands, as the superuser."""
        await self.admin.execute(statements.encode())

    async def expressions(self, name: str) -> tuple[str, ...]:
        """Return the expressions of the policy of this name."""
        cursor = await self.admin.execute(
            "select coalesce(pg_get_expr(polqual, polrelid), ''),"
            " coalesce(pg_get_expr(polwithcheck, polrelid), '')"
            " from pg_catalog.pg_policy where polname = %s",
            [name],
        )
        row = await cursor.fetchone()
        assert row is not None
        return tuple(row)

    async def view(self, *savings: Saving) -> View:
        """Read all that rules about policies look at."""
        readings: dict[Key, Reading[Any]] = {}
        catalogs: dict[str, Catalog] = {}
        for name in (*_CATALOG, *_KINDS):
            collected = await self.at.collect(name)
            for reading in collected.readings:
                kinds: list[type[Any]] = [type(row) for row in reading.rows[:1]]
                for kind in (_KINDS[name],) if name in _KINDS else kinds:
                    readings[kind, reading.datname] = reading
            if collected.catalog is not None:
                catalogs[collected.catalog.datname] = collected.catalog
        return View(
            target=Target(name="test", rls=self.options),
            server=self.at.server,
            now=datetime.now(UTC),
            readings=readings,
            catalogs=catalogs,
            probes=Probes(savings=savings),
        )

    async def known(self) -> Inventory:
        """Return the inventory of the database."""
        found = inventory(await self.view(), self.at.session.dbname)
        assert found is not None
        return found

    async def proposals(self, name: str) -> dict[str, Rewrite]:
        """Return the rewrites of the policy of this name, by rule."""
        known = await self.known()
        policy = policy_named(known, name)
        return {r.rule: r for r in rewrites(known, policy, self.options)}

    async def predict(self, name: str, rule: str) -> Saving:
        """Prove and time one rewrite."""
        known = await self.known()
        found = rewrites(known, policy_named(known, name), self.options)
        rewrite = next(each for each in found if each.rule == rule)
        return await self.predict_of(known, rewrite)

    async def predict_of(self, known: Inventory, rewrite: Rewrite) -> Saving:
        """Prove and time a rewrite."""
        async with ProbePair(
            self.options, instance="test", database=self.at.session.dbname
        ) as pair:
            return await predict(
                pair, known, rewrite, self.options.personas, datetime.now(UTC)
            )

    async def judge(
        self, check: str, *savings: Saving, **thresholds: float
    ) -> tuple[Finding, ...]:
        """Return what one rule finds."""
        rules = {check: discover()[check]}
        evaluator = Evaluator(ThresholdBook(rules, {check: thresholds}), rules)
        evaluation = evaluator.run(await self.view(*savings), frozenset())
        assert evaluation.failed == {}
        return evaluation.findings


def policy_named(known: Inventory, name: str) -> Policy:
    """Return the only policy of a name."""
    (found,) = (p for p in known.catalog.policies if p.name == name)
    return found


def personas(roles: dict[str, str], *users: str) -> tuple[Persona, ...]:
    """Return a persona for each user's id, and one without a login."""
    named = (
        Persona(
            name=f"user {number}",
            role=roles["user"],
            settings={CLAIMS: json.dumps({"role": "user", "sub": user})},
        )
        for number, user in enumerate(users, start=1)
    )
    nobody = Persona(
        name="nobody", role=roles["anon"], settings={CLAIMS: '{"role": "anon"}'}
    )
    return (*named, nobody)


@asynccontextmanager
async def staged(
    conninfo: str,
    prefix: str,
    users: tuple[str, ...],
    *,
    limit: timedelta = timedelta(seconds=5),
) -> AsyncGenerator[Stage]:
    """Create roles and logins with this prefix; remove them in the end."""
    roles = {n: f"{prefix}_{n}" for n in ("anon", "user", "service", "probe", "bypass")}
    names = {name: sql.Identifier(role) for name, role in roles.items()}

    def login(name: str) -> Credentials:
        changed = make_conninfo(conninfo, user=roles[name], password=PASSWORD)
        return Credentials(conninfo=changed)

    options = RlsOptions(
        api_roles=(roles["anon"], roles["user"]),
        anonymous_roles=(roles["anon"],),
        personas=personas(roles, *users),
        probe=login("probe"),
        bypass=login("bypass"),
        bypass_role=roles["service"],
        statement_timeout=limit,
    )
    async with await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True
    ) as admin:
        await admin.execute(
            sql.SQL(_ROLES).format(password=sql.Literal(PASSWORD), **names)
        )
        try:
            async with bench(Credentials(conninfo=conninfo)) as at:
                yield Stage(admin, at, options, names)
        finally:
            every = sql.SQL(", ").join(names.values())
            await admin.execute(sql.SQL("drop owned by {}").format(every))
            await admin.execute(sql.SQL("drop role {}").format(every))
