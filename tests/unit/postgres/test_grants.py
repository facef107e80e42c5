from __future__ import annotations

import pytest

from monitor.errors import ConfigError
from monitor.postgres.grants import GrantPlan, grant_scripts, print_grants


def test_no_password_is_in_the_text() -> None:
    text = print_grants(GrantPlan(version=18, databases=("app",)))

    assert "\\password pgvigil_reader" in text
    assert "password '" not in text


def test_the_connection_limit_is_the_budget_and_one_more() -> None:
    text = print_grants(
        GrantPlan(version=18, databases=("app",), connections_per_server=7)
    )

    assert "alter role pgvigil_reader" in text
    assert "connection limit 8;" in text


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (15, "grant app_owner to pgvigil_ddl;"),
        (16, "grant app_owner to pgvigil_ddl with inherit false, set true;"),
    ],
)
def test_memberships_have_their_options_from_16_on(version: int, expected: str) -> None:
    text = print_grants(
        GrantPlan(version=version, databases=("app",), owners=("app_owner",))
    )

    assert expected in text


@pytest.mark.parametrize(("version", "expected"), [(15, False), (16, True)])
def test_reserved_connections_exist_from_16_on(*, version: int, expected: bool) -> None:
    text = print_grants(GrantPlan(version=version, databases=("app",)))

    assert expected == ("pg_use_reserved_connections" in text)


@pytest.mark.parametrize(("version", "expected"), [(16, False), (17, True)])
def test_maintenance_of_any_table_can_be_granted_from_17_on(
    *, version: int, expected: bool
) -> None:
    text = print_grants(GrantPlan(version=version, databases=("app",)))

    assert expected == ("grant pg_maintain to pgvigil_maintainer" in text)


def test_named_schemas_narrow_maintenance_to_their_tables() -> None:
    text = print_grants(
        GrantPlan(version=18, databases=("app",), schemas=("Sales",), owners=("own",))
    )

    assert "pg_maintain" not in text
    assert 'grant maintain on all tables in schema "Sales" to pgvigil_maint' in text
    assert 'alter default privileges for role own in schema "Sales"' in text


def test_roles_for_probes_are_printed_only_on_request() -> None:
    default = print_grants(GrantPlan(version=18, databases=("app",)))
    asked = print_grants(
        GrantPlan(
            version=18,
            databases=("app",),
            roles=("pgvigil_probe", "pgvigil_bypass"),
            personas=("authenticated",),
            bypassing="service_role",
        )
    )

    assert "pgvigil_probe" not in default
    assert "grant authenticated to pgvigil_probe with inherit false" in asked
    assert "grant service_role to pgvigil_bypass with inherit false" in asked
    assert "pg_monitor" not in asked


def test_the_extension_is_made_in_the_control_database_only() -> None:
    scripts = grant_scripts(GrantPlan(version=18, databases=("control", "other")))

    assert "create extension" in scripts["control"]
    assert "create extension" not in scripts["other"]
    assert "create extension" not in scripts[""]


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("app", "\\connect app\n"),
        ("App", "\\connect -reuse-previous=on \"dbname='App'\"\n"),
        ("a=b", "\\connect -reuse-previous=on \"dbname='a=b'\"\n"),
        ("it's", "\\connect -reuse-previous=on \"dbname='it\\'s'\"\n"),
        ('"x"\\', '\\connect -reuse-previous=on "dbname=\'""x""\\\\\'"\n'),
    ],
)
def test_any_name_of_a_database_reaches_psql(database: str, expected: str) -> None:
    assert expected in print_grants(GrantPlan(version=18, databases=(database,)))


def test_a_name_that_would_end_the_line_is_refused() -> None:
    with pytest.raises(ConfigError, match="line break"):
        print_grants(GrantPlan(version=18, databases=("a\n\\! id",)))


def test_hostile_names_are_quoted() -> None:
    text = print_grants(
        GrantPlan(version=18, databases=("app",), owners=("x; drop role y",))
    )

    assert 'grant "x; drop role y" to pgvigil_ddl' in text


@pytest.mark.parametrize(
    "plan",
    [
        GrantPlan(version=18, databases=("app",), roles=("postgres",)),
        GrantPlan(version=12, databases=("app",)),
        GrantPlan(version=18, databases=()),
    ],
)
def test_what_cannot_be_granted_is_said(plan: GrantPlan) -> None:
    with pytest.raises(ConfigError):
        print_grants(plan)
