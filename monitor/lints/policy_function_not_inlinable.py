"""A policy calls a function for each row that PostgreSQL cannot inline.

## Meaning

The call's arguments depend on the row, so it cannot be made once per statement; and
the function's body cannot take the call's place. Only a SQL function of a single
SELECT can be inlined, without SECURITY DEFINER and without a SET clause. Also
reported are calls that no column enters, if the function has a SET clause besides
its search_path.

## If ignored

Each row examined costs a call: 0.4 to 8 microseconds were measured, most of it for
switching user and settings around a SECURITY DEFINER function. No condition inside
the body can use an index.

## How to look

    select p.oid::regprocedure, l.lanname, p.prosecdef, p.proconfig
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_language as l on l.oid = p.prolang
    where p.proname = 'your_function';

## How to fix

Ask for the set instead of for each row: `team_id = any (array(select
app.my_teams()))` calls a function without arguments once. Or write the condition
into the policy. `alter function … set plan_cache_mode` is a SET clause, too: it
caches nothing and prevents inlining.

## How to silence

Set `thresholds.policy_function_not_inlinable.enabled` to false, or mute the
policy's finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.lints.subject import Subject, in_force
from monitor.model.catalog import Catalog
from monitor.model.finding import Finding, Severity
from monitor.model.quoting import qualified
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.policy_references import PolicyReferenceRow
from monitor.model.threshold import Parameters
from monitor.model.view import View
from monitor.sqltext.policy import calls

UNIT = ""
SEVERITIES = (Severity.INFO,)
NEEDS = (Catalog, PolicyReferenceRow, PolicyFunctionRow)

_Functions = Mapping[tuple[str, str], tuple[PolicyFunctionRow, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """Nothing to set but whether it is on."""


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:  # noqa: ARG001 - the shape of a check
    """Yield one finding per policy with calls that cost a call for each row."""
    known = dict(_functions(view))
    for subject in in_force(view):
        functions = known.get((subject.catalog.datname, subject.policy.oid), {})
        found = tuple(dict.fromkeys(_opaque(subject, functions)))
        if found:
            yield _finding(subject, found)


def _functions(view: View) -> Iterator[tuple[tuple[str, int], _Functions]]:
    """Yield the functions that each policy calls, by name; overloads together."""
    for datname, references in view.per_database(PolicyReferenceRow):
        rows = {row.oid: row for row in view.rows(PolicyFunctionRow, datname)}
        for reference in references:
            found: dict[tuple[str, str], tuple[PolicyFunctionRow, ...]] = {}
            for row in filter(None, map(rows.get, reference.functions)):
                name = row.schemaname, row.name
                found[name] = (*found.get(name, ()), row)
            yield (datname, reference.policy), found


def _opaque(subject: Subject, known: _Functions) -> Iterator[str]:
    for expression in subject.expressions:
        for call in calls(expression):
            rows = known.get((call.schema, call.name), ())
            # The text does not say which overload is meant.
            if call.is_wrapped or not rows or any(row.is_inlinable for row in rows):
                continue
            if not call.arguments_are_constant or all(map(_tuned, rows)):
                yield f"{qualified(call.schema, call.name)} ({_reason(rows[0])})"


def _tuned(row: PolicyFunctionRow) -> tuple[str, ...]:
    """Return the parameters that a function sets, its search_path left out."""
    names = (setting.partition("=")[0] for setting in row.settings)
    return tuple(name for name in names if name != "search_path")


def _reason(row: PolicyFunctionRow) -> str:
    if _tuned(row):
        return f"it sets {' and '.join(_tuned(row))}"
    if row.is_definer:
        return "SECURITY DEFINER"
    if row.language != "sql":
        return f"language {row.language}"
    return "it sets search_path" if row.settings else "it returns a set"


def _finding(subject: Subject, found: tuple[str, ...]) -> Finding:
    return Finding(
        severity=Severity.INFO,
        database=subject.catalog.datname,
        object=subject.ref,
        summary=(
            f"{subject.text} calls {' and '.join(found)} for each row, which "
            "cannot be inlined"
        ),
        evidence=tuple(subject.evidence()),
    )
