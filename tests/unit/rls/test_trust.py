"""When a prediction is believed, and whose code may be evaluated for it."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.model.rows.policy_functions import PolicyFunctionRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.rls.inventory import Inventory
from monitor.rls.trust import Times, distrust, gainers, shape
from tests.unit.factories import make, make_catalog, make_table

SCAN: dict[str, Any] = {"Node Type": "Seq Scan"}
INDEX: dict[str, Any] = {"Node Type": "Index Scan", "Index Name": "i"}


def test_a_subquery_scan_and_the_order_of_children_do_not_count() -> None:
    one = {"Node Type": "Hash Join", "Plans": [SCAN, INDEX]}
    wrapped = {"Node Type": "Subquery Scan", "Plans": [SCAN]}
    other = {"Node Type": "Hash Join", "Plans": [INDEX, wrapped]}

    assert shape(one) == shape(other)


@pytest.mark.parametrize("other", [INDEX, SCAN | {"Plans": [SCAN]}])
def test_other_nodes_below_or_another_index_do(other: dict[str, Any]) -> None:
    assert shape(SCAN) != shape(other)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        ((1.0, 1.0, 0.5), ""),
        ((1.0, 1.15, 0.5), ""),
        ((1.0, 1.31, 0.1), "the imitation of the present policies took"),
        ((1.0, 0.69, 0.1), "the imitation of the present policies took"),
        ((1.0, 1.2, 0.5), "what it would save is not more than the error"),
        ((1.0, 1.0, 0.95), "what it would save is not more than the error"),
        ((1.0, 1.0, 2.0), "what it would save is not more than the error"),
    ],
)
def test_believed_is_what_is_like_the_real_thing_and_beyond_its_error(
    seconds: tuple[float, float, float], reason: str
) -> None:
    said = distrust(shape(SCAN), shape(SCAN), [Times(*seconds)])

    assert said.startswith(reason)
    assert bool(said) == bool(reason)


def test_a_saving_that_one_lucky_round_made_is_not_believed() -> None:
    rounds = [Times(1.0, 1.0, 0.5), Times(1.0, 1.0, 1.0), Times(1.1, 1.0, 1.1)]

    said = distrust(shape(SCAN), shape(SCAN), rounds)

    assert said == "the rounds do not agree on what it would save"


def test_a_round_that_other_work_spoilt_does_not_count() -> None:
    rounds = [Times(1.0, 1.0, 0.5), Times(9.0, 1.0, 0.5), Times(8.0, 9.0, 0.6)]

    assert distrust(shape(SCAN), shape(SCAN), rounds) == ""


def test_another_plan_is_not_believed() -> None:
    said = distrust(shape(SCAN), shape(INDEX), [Times(1.0, 1.0, 0.1)])

    assert said == "the imitation of the present policies has another plan"


def inventory(owner: RoleAttributesRow, function_owner: str = "owner") -> Inventory:
    return Inventory(
        catalog=make_catalog(make_table(has_rls=True, owner="owner")),
        roles={owner.rolname: owner},
        functions={2: make(PolicyFunctionRow, oid=2, owner=function_owner)},
    )


@pytest.mark.parametrize(
    "owner",
    [{"is_superuser": True}, {"privileges_of": ("owner", "service")}],
)
def test_who_has_the_rights_already_gains_nothing(owner: dict[str, Any]) -> None:
    known = inventory(make(RoleAttributesRow, rolname="owner", **owner))

    assert gainers(known, [1], ["service"]) == ()


def test_an_owner_or_a_function_s_owner_without_them_would_gain() -> None:
    known = inventory(make(RoleAttributesRow, rolname="owner"), "somebody")

    assert gainers(known, [1], ["service"]) == ("owner", "somebody")
