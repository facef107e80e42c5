"""A policy calls a SECURITY DEFINER function whose search_path others can use.

## Meaning

The function runs with its owner's rights, and names in its body are looked up in the
caller's search_path, or in one that begins where others may create objects: `public`,
the schema of the caller's name, or the temporary one. Whoever can put a table or
function of the right name there decides what the function reads and runs.

## If ignored

A user of the API may make the policy say yes, or run code of their own with the
owner's rights.

## How to look

    select p.oid::regprocedure, p.proconfig
    from pg_catalog.pg_proc as p
    where p.prosecdef
        and p.pronamespace not in ('pg_catalog'::regnamespace);

## How to fix

Qualify every name in the body, then `alter function … set search_path = ''`, as the
remedy does. Names that are not qualified stop being found, so try it on a copy.

## How to silence

Set `thresholds.policy_definer_function_search_path.enabled` to false, or mute the
function's finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.threshold import Parameters
from monitor.model.view import View

UNIT = ""
SEVERITIES = (Severity.CRITICAL,)
NEEDS = (PolicyFunctionRow,)

_OPEN = frozenset({"public", "$user", "pg_temp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per function with a search_path that is not safe."""
    for datname, rows in view.per_database(PolicyFunctionRow):
        for row in rows:
            if row.is_definer and _is_open(row.search_path):
                yield _finding(datname, row)


def _is_open(search_path: str | None) -> bool:
    """Say whether others can create what is found first; None is the caller's."""
    if search_path is None:
        return True
    schemas = (name.strip().strip('"') for name in search_path.split(","))
    first = next((name for name in schemas if name != "pg_catalog"), "")
    return first in _OPEN


def _finding(datname: str, row: PolicyFunctionRow) -> Finding:
    name = f"{qualified(row.schemaname, row.name)}({row.arguments})"
    where = (
        "without a search_path of its own"
        if row.search_path is None
        else f"with search_path {row.search_path}"
    )
    return Finding(
        severity=Severity.CRITICAL,
        database=datname,
        object=ObjectRef("function", row.schemaname, f"{row.name}({row.arguments})"),
        summary=f"function {name}, which policies call, is SECURITY DEFINER {where}",
        evidence=(Evidence("owner", row.owner), Evidence("language", row.language)),
        unknowns=("Whether its body qualifies every name.",),
        remedy=Remedy(
            sql=f"alter function {name} set search_path = '';",
            undo=_undo(name, row.search_path),
            lock="none on tables",
            risk="Names that its body does not qualify are no longer found.",
        ),
    )


def _undo(name: str, search_path: str | None) -> str:
    if search_path is None:
        return f"alter function {name} reset search_path;"
    return f"alter function {name} set search_path = {search_path};"
