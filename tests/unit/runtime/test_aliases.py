"""Rules that Supabase's advisors have, too, are known by their names."""

from __future__ import annotations

from collections import Counter

import pytest

from monitor.api import runbooks
from monitor.model.finding import Severity
from monitor.runtime.rules import aliases, discover

ADVISED = {
    "0001_unindexed_foreign_keys",
    "0002_auth_users_exposed",
    "0003_auth_rls_initplan",
    "0004_no_primary_key",
    "0005_unused_index",
    "0006_multiple_permissive_policies",
    "0007_policy_exists_rls_disabled",
    "0008_rls_enabled_no_policy",
    "0009_duplicate_index",
    "0010_security_definer_view",
    "0011_function_search_path_mutable",
    "0012_auth_allow_anonymous_sign_ins",
    "0013_rls_disabled_in_public",
    "0014_extension_in_public",
    "0015_rls_references_user_metadata",
    "0016_materialized_view_in_api",
    "0017_foreign_table_in_api",
    "0018_unsupported_reg_types",
    "0019_insecure_queue_exposed_in_api",
    "0020_table_bloat",
    "0021_fkey_to_auth_unique",
    "0022_extension_versions_outdated",
    "0023_sensitive_columns_exposed",
    "0024_rls_policy_always_true",
    "0025_public_bucket_allows_listing",
    "0026_pg_graphql_anon_table_exposed",
    "0027_pg_graphql_authenticated_table_exposed",
    "0028_anon_security_definer_function_executable",
    "0029_authenticated_security_definer_function_executable",
}
EXCEPTIONS = {
    "0012_auth_allow_anonymous_sign_ins": (
        "a setting of the authentication service, not of tables or policies; "
        "the database does not hold it"
    ),
}
LEVELS = {
    "0002_auth_users_exposed": Severity.CRITICAL,
    "0004_no_primary_key": Severity.INFO,
    "0013_rls_disabled_in_public": Severity.CRITICAL,
    "0015_rls_references_user_metadata": Severity.CRITICAL,
    "0019_insecure_queue_exposed_in_api": Severity.CRITICAL,
    "0021_fkey_to_auth_unique": Severity.CRITICAL,
    "0023_sensitive_columns_exposed": Severity.CRITICAL,
    "0024_rls_policy_always_true": Severity.WARNING,
}


@pytest.mark.requirement("S8.1.1-e")
def test_every_rule_is_here_or_excepted_with_a_reason() -> None:
    covered = set(aliases())

    assert covered | set(EXCEPTIONS) == ADVISED
    assert covered & set(EXCEPTIONS) == set()
    assert all(len(reason) > 20 for reason in EXCEPTIONS.values())


def test_no_two_rules_have_the_same_alias() -> None:
    counts = Counter(rule.alias for rule in discover().values() if rule.alias)

    assert {alias for alias, count in counts.items() if count > 1} == set()


def test_an_alias_is_no_other_rule_s_name() -> None:
    assert aliases().keys() & discover().keys() == set()


@pytest.mark.parametrize(("alias", "severity"), LEVELS.items())
def test_a_rule_is_as_urgent_as_its_users_know_it(
    alias: str, severity: Severity
) -> None:
    assert discover()[aliases()[alias]].severities == {severity}


@pytest.mark.parametrize(("alias", "name"), aliases().items())
def test_a_rule_s_page_says_its_other_name(alias: str, name: str) -> None:
    runbook = runbooks.find(name)

    assert discover()[name].page.endswith(f"Supabase's advisors call it `{alias}`.")
    assert runbook is not None
    assert alias in runbook.blocks[-1].text
