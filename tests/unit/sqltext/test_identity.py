"""Conditions that only a user with a login can meet."""

from __future__ import annotations

import pytest

from monitor.sqltext.identity import asks_for_identity


def is_identity(schema: str, name: str) -> bool:
    return schema == "auth" or name == "current_setting"


@pytest.mark.parametrize(
    "expression",
    [
        "(user_id = ( SELECT auth.uid() AS uid))",
        "((auth.uid() = user_id) OR (( SELECT auth.uid() AS uid) = ANY (editors)))",
        "(is_open AND (auth.uid() = user_id))",
        "((current_setting('app.user'::text))::uuid = user_id)",
    ],
)
def test_each_way_compares_with_who_asks(expression: str) -> None:
    assert asks_for_identity(expression, is_identity)


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "((auth.uid() = user_id) OR is_open)",
        "(NOT (auth.uid() = user_id))",
        "(auth.uid() <> user_id)",
        "(user_id = owner_id)",
        "app.may_see(id)",
        "(((",
    ],
)
def test_another_way_is_open_to_everybody(expression: str) -> None:
    assert not asks_for_identity(expression, is_identity)
