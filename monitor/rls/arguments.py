"""Why each kind of rewrite admits the same rows, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Rule = Literal["wrap_calls", "declare_stable", "use_set", "use_array", "restrict_roles"]

QUEUE = (
    "Waits for every statement on the table, and all later ones wait behind it: "
    "hence the lock_timeout; try again when it fails."
)
ARGUMENTS: Mapping[Rule, str] = {
    "wrap_calls": (
        "Every wrapped call takes no column and its function is STABLE or IMMUTABLE, "
        "so it has one value per statement. The sub-select is evaluated when it is "
        "first needed, so what is never reached is still never called."
    ),
    "declare_stable": (
        "Every wrapped call takes no column. Its function is VOLATILE: that it has "
        "one value per statement is for somebody who knows it to say."
    ),
    "use_set": (
        "The sub-select is tied to the row by one equality, all it calls is STABLE or "
        "IMMUTABLE, and its result is only joined by AND and OR. The row's column is "
        "in the set exactly when the sub-select found a row; where one form is FALSE "
        "and the other NULL, a policy admits the row in neither case."
    ),
    "use_array": (
        "IN and = ANY compare the same values with the same operator, also with NULL "
        "and with nothing. The array is built once per statement, and an index that "
        "begins with the column can be searched for its elements."
    ),
    "restrict_roles": (
        "Each way for the expression to be TRUE compares something with a value of "
        "the request. Without a login that value is NULL and no row is admitted, so "
        "the policy need not be evaluated for such a role."
    ),
}
RISKS: Mapping[Rule, str] = {
    "wrap_calls": "",
    "declare_stable": (
        " The function is then evaluated once per statement, for every caller: only "
        "right if it changes nothing and does not depend on the moment of the call."
    ),
    "use_set": (
        " A statement that looks at few rows pays for the whole set; a condition in "
        "the sub-select that raises an error for some row may now meet that row."
    ),
    "use_array": (
        " A large set makes a large array, searched one element after the other for "
        "rows that no index finds."
    ),
    "restrict_roles": (
        " Every role that is not named loses what the policy admits: look through "
        "the roles that work on the table."
    ),
}
