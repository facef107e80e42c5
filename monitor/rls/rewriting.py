"""Rewrites of policies that admit the same rows for less, each with its argument.

Nothing here is applied: a rewrite is text for a migration, with its inverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from monitor.model.catalog import Policy, Relation
from monitor.model.persona import RlsOptions
from monitor.model.quoting import qualified, quote_ident
from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.rls.arguments import ARGUMENTS, QUEUE, RISKS, Rule
from monitor.rls.inventory import PUBLIC, Inventory
from monitor.sqltext.identity import asks_for_identity
from monitor.sqltext.membership import as_arrays, as_sets
from monitor.sqltext.policy import calls
from monitor.sqltext.rewrite import wrapped_by_type

LOCK = "AccessExclusiveLock"
_HEAD = "set lock_timeout = '100ms';\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """A policy with other expressions or other roles.

    `using` and `check` are the new expressions, empty where the policy has none;
    `roles` whom it is for. `sql` makes the change and `undo` takes it back.
    `argument` says why the same rows are admitted; with `needs_human` it rests on
    something that only a person can know.
    """

    datname: str
    relation: Relation
    policy: Policy
    rule: Rule
    using: str
    check: str
    roles: tuple[str, ...]
    sql: str
    undo: str
    argument: str
    risk: str
    needs_human: bool


@dataclass(frozen=True, slots=True)
class _Forms:
    """The expressions that a rule makes of a policy's."""

    rule: Rule
    using: str
    check: str


def rewrites(
    inventory: Inventory, policy: Policy, options: RlsOptions | None = None
) -> tuple[Rewrite, ...]:
    """Return the rewrites that a policy allows, the least intrusive first.

    Each stands for itself and contains what those before it change in the
    expressions. Empty while RLS is off or an expression is not known.
    """
    relation = inventory.catalog.relations.get(policy.relid)
    if relation is None or not relation.has_rls:
        return ()
    if policy.using is None or policy.check is None:
        return ()
    functions = functions_of(inventory, policy)
    forms = _forms(policy, functions, _led(inventory, relation))
    found = [_altered(inventory, relation, policy, each) for each in forms]
    found.extend(_restricted(inventory, relation, policy, options or RlsOptions()))
    return tuple(found)


def functions_of(inventory: Inventory, policy: Policy) -> tuple[PolicyFunctionRow, ...]:
    """Return the functions that may be meant by a policy's calls.

    Those it depends on, and the VOLATILE built-in ones, on which nothing depends.
    """
    reference = inventory.references.get(policy.oid)
    own = frozenset(reference.functions if reference else ())
    return tuple(
        row
        for row in inventory.functions.values()
        if row.oid in own or row.schemaname == "pg_catalog"
    )


@lru_cache(maxsize=1024)
def _forms(
    policy: Policy, functions: tuple[PolicyFunctionRow, ...], led: frozenset[str]
) -> tuple[_Forms, ...]:
    """Return the expressions of each rule that changes any."""
    known = _Known(functions)
    using, check = policy.using or "", policy.check or ""
    wrapped = known.wrapped(using), known.wrapped(check)
    rule: Rule = "declare_stable" if _volatile(policy, functions) else "wrap_calls"
    forms = [_Forms(rule, *wrapped)] if wrapped != (using, check) else []
    # Checks judge single rows: for these a set is dearer than a look-up.
    sets = as_sets(using, known.is_steady) or using
    if sets != using:
        forms.append(_Forms("use_set", known.wrapped(sets), wrapped[1]))
    arrays = as_arrays(sets, led.__contains__) or sets
    if arrays != sets and known.is_all_steady(using):
        forms.append(_Forms("use_array", known.wrapped(arrays), wrapped[1]))
    return tuple(forms)


class _Known:
    """What the catalog says of functions by name; overloads must agree."""

    def __init__(self, functions: tuple[PolicyFunctionRow, ...]) -> None:
        self._by_name: dict[tuple[str, str], list[PolicyFunctionRow]] = {}
        for row in functions:
            # Built-in functions are printed without their schema.
            schema = "" if row.schemaname == "pg_catalog" else row.schemaname
            self._by_name.setdefault((schema, row.name), []).append(row)

    def is_all_steady(self, expression: str) -> bool:
        """Say whether an expression calls nothing that is VOLATILE."""
        return all(self.is_steady(c.schema, c.name) for c in calls(expression))

    def wrapped(self, expression: str) -> str:
        """Return an expression with its calls wrapped, as it is if there are none."""
        if not expression:
            return expression
        new = wrapped_by_type(expression, self.is_wanted, self.array_type)
        return new or expression

    def is_wanted(self, schema: str, name: str) -> bool:
        """Say whether a call is worth wrapping, and gives one value."""
        if not schema:
            return name == "current_setting"
        rows = self._by_name.get((schema, name), [])
        return bool(rows) and all(
            row.kind == "f" and not row.returns_set for row in rows
        )

    def is_steady(self, schema: str, name: str) -> bool:
        """Say whether no function of a name is VOLATILE; a user's must be known."""
        rows = self._by_name.get((schema, name), [])
        return (bool(rows) or not schema) and all(r.volatility != "v" for r in rows)

    def array_type(self, schema: str, name: str) -> str:
        """Return the array type that a function returns, empty for anything else."""
        types = {row.returns for row in self._by_name.get((schema, name), [])}
        found = types.pop() if len(types) == 1 else ""
        return found if found.endswith("[]") else ""


def _volatile(
    policy: Policy, functions: tuple[PolicyFunctionRow, ...]
) -> tuple[PolicyFunctionRow, ...]:
    """Return the users' VOLATILE functions whose calls get wrapped."""
    only = [
        r for r in functions if r.volatility == "v" and r.schemaname != "pg_catalog"
    ]
    expressions = (policy.using or "", policy.check or "")

    def is_wrapped(row: PolicyFunctionRow) -> bool:
        known = _Known((row,))
        return any(known.wrapped(each) != each for each in expressions)

    return tuple(row for row in only if row.kind == "f" and is_wrapped(row))


def _led(inventory: Inventory, relation: Relation) -> frozenset[str]:
    """Return the columns that a usable index of the table begins with."""
    return frozenset(
        index.columns[0]
        for index in inventory.catalog.indexes_of(relation.oid)
        if index.is_valid and not index.predicate and index.columns
    )


def _altered(
    inventory: Inventory, relation: Relation, policy: Policy, forms: _Forms
) -> Rewrite:
    volatile = _volatile(policy, functions_of(inventory, policy))
    head = f"{_HEAD}alter policy {_on(policy, relation)}"
    old, new = policy.using or "", forms.using
    before, after = policy.check or "", forms.check
    return Rewrite(
        datname=inventory.catalog.datname,
        relation=relation,
        policy=policy,
        rule=forms.rule,
        using=new,
        check=after,
        roles=policy.roles,
        sql=_declared(volatile, "stable")
        + head
        + _clauses((old, new), (before, after)),
        undo=head + _clauses((new, old), (after, before)) + _again(volatile),
        argument=ARGUMENTS[forms.rule],
        risk=QUEUE + RISKS[forms.rule],
        needs_human=bool(volatile),
    )


def _on(policy: Policy, relation: Relation) -> str:
    table = qualified(relation.schemaname, relation.relname)
    return f"{quote_ident(policy.name)} on {table}"


def _clauses(using: tuple[str, str], check: tuple[str, str]) -> str:
    """Return the clauses of ALTER POLICY for expressions that change."""
    text = ""
    for keyword, (old, new) in (("using", using), ("with check", check)):
        if new != old:
            text += f"\n    {keyword} ({new})"
    return f"{text};"


def _declared(functions: tuple[PolicyFunctionRow, ...], volatility: str) -> str:
    return "".join(
        f"alter function {qualified(row.schemaname, row.name)}({row.arguments}) "
        f"{volatility};\n"
        for row in functions
    )


def _again(functions: tuple[PolicyFunctionRow, ...]) -> str:
    text = _declared(functions, "volatile").rstrip("\n")
    return f"\n{text}" if text else ""


def _restricted(
    inventory: Inventory, relation: Relation, policy: Policy, options: RlsOptions
) -> Iterator[Rewrite]:
    """Yield the policy for users who have a login, where no others can gain by it."""
    others = tuple(
        role
        for role in options.api_roles
        if role not in options.anonymous_roles and role in inventory.roles
    )
    is_open = policy.roles == (PUBLIC,) and policy.is_permissive
    functions = functions_of(inventory, policy)
    if not is_open or not others or not _needs_login(policy, functions):
        return
    head = f"{_HEAD}alter policy {_on(policy, relation)} to "
    yield Rewrite(
        datname=inventory.catalog.datname,
        relation=relation,
        policy=policy,
        rule="restrict_roles",
        using=policy.using or "",
        check=policy.check or "",
        roles=others,
        sql=head + ", ".join(map(quote_ident, others)) + ";",
        undo=f"{head}public;",
        argument=ARGUMENTS["restrict_roles"],
        risk=QUEUE + RISKS["restrict_roles"],
        needs_human=True,
    )


@lru_cache(maxsize=1024)
def _needs_login(policy: Policy, functions: tuple[PolicyFunctionRow, ...]) -> bool:
    known = _Known(functions)
    given = [each for each in (policy.using, policy.check) if each]
    return bool(given) and all(asks_for_identity(e, known.is_wanted) for e in given)
