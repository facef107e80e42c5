"""Prints the statements that create pgvigil's roles with exactly what they need.

Nothing here connects to a server: a database administrator reads the text and runs
it with psql. It can be run again, after an upgrade or for another database, and
brings roles that were changed back. Passwords are set afterwards, never in a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.errors import ConfigError
from monitor.model.quoting import quote_ident
from monitor.model.server import OLDEST_SUPPORTED_MAJOR
from monitor.postgres.access import ACCESS

OWNER = "pgvigil_owner"
READER = "pgvigil_reader"
MAINTAINER = "pgvigil_maintainer"
DDL = "pgvigil_ddl"
PROBE = "pgvigil_probe"
BYPASS = "pgvigil_bypass"
DEFAULT_ROLES = (OWNER, READER, MAINTAINER, DDL)

# A database's owner chooses its search_path, and this runs as a superuser.
_FIXED_PATH = "set search_path = pg_catalog, pg_temp;"
_HAS_RESERVED_CONNECTIONS = 16
_HAS_MEMBERSHIP_OPTIONS = 16
_HAS_MAINTAIN = 17
# One connection to act with, and one that an earlier copy may not have closed yet.
_ACTING_CONNECTIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPlan:
    """What to print the grants for.

    `version` is the server's major. `roles` are some of the six names. `databases`
    are watched, the first one is the control database. `owners` own the tables that
    `pgvigil_ddl`, and before 17 `pgvigil_maintainer`, may work on. `schemas` narrow
    MAINTAIN from all tables to those of these schemas. `personas` are the roles that
    `pgvigil_probe` may become, `bypassing` is the one for `pgvigil_bypass`.
    """

    version: int
    databases: tuple[str, ...]
    roles: tuple[str, ...] = DEFAULT_ROLES
    owners: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()
    bypassing: str = ""
    connections_per_server: int = 3


def print_grants(plan: GrantPlan) -> str:
    """Return one script for psql; it connects to each database in turn.

    Raises:
        ConfigError: a role or a version is not one of ours.
    """
    parts = ["\\set ON_ERROR_STOP on"]
    for database, text in grant_scripts(plan).items():
        if database:
            parts.append(f"\\connect {_connect_name(database)}")
        parts.append(text)
    return "\n".join(parts)


def grant_scripts(plan: GrantPlan) -> Mapping[str, str]:
    """Return the statements for each database; those under "" run in any of them.

    Raises:
        ConfigError: a role or a version is not one of ours.
    """
    _check(plan)
    scripts = {"": "\n".join(_server(plan)) + "\n"}
    for database in plan.databases:
        scripts[database] = "\n".join(_database(plan, database))
    return scripts


def _check(plan: GrantPlan) -> None:
    known = (*DEFAULT_ROLES, PROBE, BYPASS)
    unknown = [role for role in plan.roles if role not in known]
    if unknown:
        raise ConfigError(
            f'unknown role "{unknown[0]}"', hint=f"Choose from {', '.join(known)}."
        )
    if plan.version < OLDEST_SUPPORTED_MAJOR:
        raise ConfigError(f"PostgreSQL {plan.version} is not supported")
    if not plan.databases:
        raise ConfigError("no database to print grants for")


def _server(plan: GrantPlan) -> Iterator[str]:
    yield f"-- Roles of pgvigil for PostgreSQL {plan.version}. Run as a superuser."
    yield _FIXED_PATH
    yield "-- Passwords are yours to set afterwards, in psql:"
    yield from (f"--   \\password {role}" for role in plan.roles if role != OWNER)
    for role in plan.roles:
        yield ""
        yield from _SECTIONS[role](plan)


def _owner(plan: GrantPlan) -> Iterator[str]:
    del plan
    yield "-- Owns schema monitoring; nobody logs in as it."
    yield _create(OWNER)
    yield _alter(OWNER, "nologin inherit")


def _reader(plan: GrantPlan) -> Iterator[str]:
    yield "-- Polls: all statistics and settings, no table data, no change to anything."
    yield _create(READER)
    limit = plan.connections_per_server + 1
    yield _alter(READER, f"login inherit connection limit {limit}")
    yield _membership("pg_monitor", READER, plan)
    if plan.version >= _HAS_RESERVED_CONNECTIONS:
        yield "-- With reserved_connections above 0 it gets in when the rest is taken."
        yield _membership("pg_use_reserved_connections", READER, plan)


def _maintainer(plan: GrantPlan) -> Iterator[str]:
    yield "-- Runs VACUUM, ANALYZE and REINDEX."
    yield _create(MAINTAINER)
    yield _alter(MAINTAINER, f"login inherit connection limit {_ACTING_CONNECTIONS}")
    if plan.version < _HAS_MAINTAIN:
        yield "-- Before PostgreSQL 17 only a table's owner may; members of it are."
        yield from _owners(plan.owners, MAINTAINER, plan, inherits=True)
    elif not plan.schemas:
        yield _membership("pg_maintain", MAINTAINER, plan)


def _ddl(plan: GrantPlan) -> Iterator[str]:
    yield "-- Creates and drops indexes: becomes a table's owner for one statement."
    yield _create(DDL)
    yield _alter(DDL, f"login noinherit connection limit {_ACTING_CONNECTIONS}")
    yield from _owners(plan.owners, DDL, plan, inherits=False)


def _probe(plan: GrantPlan) -> Iterator[str]:
    yield "-- Times statements as the roles that policies are written for."
    yield _create(PROBE)
    yield _alter(PROBE, "login noinherit connection limit 2")
    for persona in plan.personas:
        yield _membership(persona, PROBE, plan, inherits=False)


def _bypass(plan: GrantPlan) -> Iterator[str]:
    yield "-- The other side of a comparison: the same rows without policies."
    yield _create(BYPASS)
    yield _alter(BYPASS, "login noinherit connection limit 2")
    if plan.bypassing:
        yield _membership(plan.bypassing, BYPASS, plan, inherits=False)


_SECTIONS = {
    OWNER: _owner,
    READER: _reader,
    MAINTAINER: _maintainer,
    DDL: _ddl,
    PROBE: _probe,
    BYPASS: _bypass,
}


def _owners(
    owners: Sequence[str], role: str, plan: GrantPlan, *, inherits: bool
) -> Iterator[str]:
    if not owners:
        yield "-- For each role that owns tables:"
        yield f"--   {_membership('the_owner', role, plan, inherits=inherits)}"
    for owner in owners:
        yield _membership(owner, role, plan, inherits=inherits)


def _database(plan: GrantPlan, database: str) -> Iterator[str]:
    name = quote_ident(database)
    yield _FIXED_PATH
    logins = ", ".join(role for role in plan.roles if role != OWNER)
    if logins:
        yield f"grant connect on database {name} to {logins};"
    if OWNER in plan.roles:
        yield f"grant create on database {name} to {OWNER};"
    if READER in plan.roles:
        yield from _watched_sequences(plan)
    if MAINTAINER in plan.roles and plan.version >= _HAS_MAINTAIN:
        yield from _maintained_schemas(plan)
    if database == plan.databases[0]:
        yield "-- Needs shared_preload_libraries = 'pg_stat_statements' and a restart."
        yield "create extension if not exists pg_stat_statements schema public;"
    yield "-- For a schema that was installed before these roles existed."
    yield ACCESS


def _watched_sequences(plan: GrantPlan) -> Iterator[str]:
    """Yield what it takes to see how far sequences are: pg_monitor is not enough."""
    if not plan.schemas:
        yield "-- For each schema whose sequences are to be watched for their end:"
        yield f"--   grant select on all sequences in schema ... to {READER};"
    for schema in map(quote_ident, plan.schemas):
        yield f"grant select on all sequences in schema {schema} to {READER};"
        for owner in map(quote_ident, plan.owners):
            yield f"alter default privileges for role {owner} in schema {schema}"
            yield f"    grant select on sequences to {READER};"


def _maintained_schemas(plan: GrantPlan) -> Iterator[str]:
    if not plan.schemas:
        yield "-- For each schema of the application that not everybody may use:"
        yield f"--   grant usage on schema ... to {MAINTAINER};"
    for schema in map(quote_ident, plan.schemas):
        yield f"grant usage on schema {schema} to {MAINTAINER};"
        yield f"grant maintain on all tables in schema {schema} to {MAINTAINER};"
        for owner in map(quote_ident, plan.owners):
            yield f"alter default privileges for role {owner} in schema {schema}"
            yield f"    grant maintain on tables to {MAINTAINER};"


def _create(role: str) -> str:
    # Only a superuser may mention the three attributes: a role with CREATEROLE, all
    # there is on most managed servers, shall be able to run this, too.
    return (
        "do $role$\nbegin\n"
        f"    if pg_catalog.to_regrole('{role}') is null then\n"
        f"        create role {role};\n"
        "    elsif exists (\n"
        "        select from pg_catalog.pg_roles as r\n"
        f"        where r.rolname = '{role}'\n"
        "        and (r.rolsuper or r.rolreplication or r.rolbypassrls)\n"
        "    ) then\n"
        f"        alter role {role} nosuperuser noreplication nobypassrls;\n"
        "    end if;\nend\n$role$;"
    )


def _alter(role: str, attributes: str) -> str:
    return f"alter role {role} nocreatedb nocreaterole {attributes};"


def _membership(
    group: str, role: str, plan: GrantPlan, *, inherits: bool = True
) -> str:
    """Return the grant of a membership, with its options from 16 on.

    Before that inheriting is an attribute of the member.
    """
    options = ""
    if plan.version >= _HAS_MEMBERSHIP_OPTIONS:
        can_set = "false" if inherits else "true"
        options = f" with inherit {str(inherits).lower()}, set {can_set}"
    return f"grant {quote_ident(group)} to {role}{options};"


def _connect_name(database: str) -> str:
    r"""Return a database's name as psql's \\connect reads it.

    A name with = in it would be read as a connection string, so all but plain
    ones are given as one.

    Raises:
        ConfigError: no line of psql can hold the name.
    """
    if "\n" in database or "\r" in database:
        raise ConfigError("cannot connect to a database with a line break in its name")
    if quote_ident(database) == database:
        return database
    value = database.replace("\\", "\\\\").replace("'", "\\'").replace('"', '""')
    return f"-reuse-previous=on \"dbname='{value}'\""
