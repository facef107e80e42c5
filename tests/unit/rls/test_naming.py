"""What names in statements mean for the role that ran them."""

from __future__ import annotations

import pytest

from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.rows.view_references import ViewReferenceRow
from monitor.rls.inventory import Inventory
from monitor.rls.naming import Meaning, Names
from tests.unit.factories import make, make_catalog, make_table

PUBLIC, AUDIT, OWN, LONELY, VIEW = 1, 2, 3, 4, 5


def names(*settings: str) -> Names:
    tables = (
        make_table(oid=PUBLIC, relname="notes"),
        make_table(oid=AUDIT, schemaname="audit", relname="notes"),
        make_table(oid=OWN, schemaname="alice", relname="notes"),
        make_table(oid=LONELY, schemaname="audit", relname="trail"),
    )
    view = make(ViewReferenceRow, oid=VIEW, schemaname="public", relname="recent")
    roles = {
        name: make(RoleAttributesRow, rolname=name, settings=settings)
        for name in ("alice", "bob")
    }
    return Names(Inventory(catalog=make_catalog(*tables), roles=roles, views={5: view}))


def meaning(name: str, role: str = "bob", *settings: str) -> Meaning:
    known = names(*settings)
    return known.find("", name, known.path_of(role))


def test_a_qualified_name_means_what_it_says() -> None:
    assert names().find("audit", "notes", ()) == Meaning(AUDIT)
    assert names().find("pg_catalog", "notes", ("public",)) == Meaning(None)


@pytest.mark.parametrize(
    ("role", "settings", "expected"),
    [
        ("bob", (), PUBLIC),
        ("nobody", (), PUBLIC),
        ("alice", (), OWN),
        ("bob", ("search_path=audit, public",), AUDIT),
        ("bob", ('search_path="audit", public',), AUDIT),
        ("bob", ("search_path=Audit",), AUDIT),
        ("alice", ('search_path="$user"',), OWN),
        ("alice", ('search_path="Audit", public',), PUBLIC),
        ("bob", ("row_security=off", "search_path=audit"), AUDIT),
        ("bob", ("search_path=audit", "search_path=public"), PUBLIC),
    ],
)
def test_a_bare_name_is_looked_up_along_the_roles_search_path(
    role: str, settings: tuple[str, ...], expected: int
) -> None:
    assert meaning("notes", role, *settings) == Meaning(expected)


def test_a_view_is_found_like_a_table() -> None:
    assert meaning("recent") == Meaning(VIEW)


def test_a_name_outside_the_search_path_is_found_if_there_is_but_one() -> None:
    assert meaning("trail") == Meaning(LONELY, is_loose=True)


def test_a_name_outside_the_search_path_is_unclear_if_several_have_it() -> None:
    assert meaning("notes", "bob", "search_path=shop") == Meaning(None, is_unclear=True)


def test_an_unknown_name_means_nothing() -> None:
    assert meaning("pg_class") == Meaning(None)


def test_of_two_relations_read_under_one_name_the_first_counts() -> None:
    old, new = make_table(oid=1, relname="notes"), make_table(oid=2, relname="notes")
    known = Names(Inventory(catalog=make_catalog(old, new)))

    assert known.find("", "notes", ("public",)) == Meaning(1)


def test_a_materialized_view_has_one_name_although_it_is_table_and_view() -> None:
    table = make_table(oid=1, schemaname="shop", relname="kept", kind="m")
    view = make(ViewReferenceRow, oid=1, schemaname="shop", relname="kept", kind="m")
    known = Names(Inventory(catalog=make_catalog(table), views={1: view}))

    assert known.find("", "kept", ("public",)) == Meaning(1, is_loose=True)
