"""Whom row level security is probed as, and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.model.credentials import Credentials

SERVICE_SCHEMAS = (
    "auth",
    "cron",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgmq",
    "pgmq_public",
    "pgsodium",
    "pgsodium_masks",
    "realtime",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "vault",
)
"""Schemas of Supabase's services, whose tables and functions are not their users'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A user as requests have them: a role and the settings that carry the claims.

    `settings` are set for the transaction only, for instance
    `request.jwt.claims` to `{"sub": "…"}`. Their values are never logged.
    """

    name: str
    role: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStatement:
    """A statement that an operator allows to be timed with and without policies.

    It is run as written, in a read-only transaction that is rolled back.
    """

    name: str
    database: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsOptions:
    """How a target's row level security is judged and probed.

    Requests come in as `api_roles`; those of them that need no login are
    `anonymous_roles`. `exposed_schemas` are what they can name. Nothing is probed
    without `personas` and both logins: `probe` is a member of the personas' roles
    only; `bypass` sees all rows, as `bypass_role` where that is named.

    A round times one table for one persona. `seconds_per_hour` bounds the
    execution time of all rounds of a target together.
    """

    api_roles: tuple[str, ...] = ("anon", "authenticated")
    anonymous_roles: tuple[str, ...] = ("anon",)
    exposed_schemas: tuple[str, ...] = ("public",)
    claim_settings: tuple[str, ...] = ("request.jwt.claims",)
    personas: tuple[Persona, ...] = ()
    statements: tuple[ListedStatement, ...] = ()
    probe: Credentials | None = None
    bypass: Credentials | None = None
    bypass_role: str = ""
    interval: timedelta = timedelta(minutes=15)
    seconds_per_hour: float = 30.0
    statement_timeout: timedelta = timedelta(milliseconds=500)
    lock_timeout: timedelta = timedelta(milliseconds=50)
    pairs: int = 7
    small_sample: int = 1_000
    large_sample: int = 15_000
    most_active_backends: int = 20
    most_replay_lag: timedelta = timedelta(seconds=10)

    @property
    def lint_parameters(self) -> Mapping[str, list[str]]:
        """Return what the queries of lints may ask for, by parameter."""
        return {
            "anonymous_roles": [*self.anonymous_roles],
            "api_roles": [*self.api_roles],
            "exposed_schemas": [*self.exposed_schemas],
            "service_schemas": [*SERVICE_SCHEMAS],
        }

    @property
    def rules(self) -> tuple[tuple[str, ...], ...]:
        """Return what lints and observation rest on, the rest being for probes."""
        return (
            self.api_roles,
            self.anonymous_roles,
            self.exposed_schemas,
            self.claim_settings,
        )

    @property
    def may_probe(self) -> bool:
        """Say whether an operator has named all that probing takes."""
        return bool(self.personas and self.probe and self.bypass)
