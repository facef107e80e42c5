"""Row level security: what policies cost, how that is known, what could be saved."""

from __future__ import annotations

from dashboards.boards import board
from dashboards.modernise import Json
from dashboards.parts import Section
from dashboards.rows import health, policy_target, probing, rls

CHECKS = (
    "policy_.+",
    ".*rls.*",
    "call_not_wrapped",
    ".*polic(y|ies)",
    "api_role_may_truncate",
    ".+_exposed",
    ".+_in_api",
    ".+_executable",
    "function_search_path_mutable",
    "privilege_column_unguarded",
    "public_bucket_allows_listing",
    "table_not_forced",
)


def dashboard() -> Json:
    """Return the dashboard of row level security."""
    return board(
        uid="pgvigil-rls",
        title="Row level security",
        description="Time under policies, cost of policies, and what is avoidable.",
        anchor="#rls",
        span="now-6h",
        sections=[
            Section(
                "Target: policies add less than 10 ms", list(policy_target.target())
            ),
            Section("Spread", list(policy_target.target_over_time())),
            Section("Findings", list(health.findings_about("policies", CHECKS))),
            Section("Observed", [*rls.observed(), *rls.differences()]),
            Section("Probed", list(rls.probed())),
            Section("Estimated", list(rls.estimated())),
            Section("Avoidable", list(rls.avoidable())),
            Section("Probing", list(probing.probing())),
        ],
    )
