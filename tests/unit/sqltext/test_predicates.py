"""Which tables and columns recorded statements use."""

import pytest

from monitor.model.catalog import Catalog, Relation
from monitor.sqltext.predicates import Facts, Find, facts, finder, relations
from monitor.sqltext.syntax import Match
from monitor.sqltext.tree import AND, DESCENDING, NOT, Expression, SubLink, fingerprint

ORDERS, ITEMS, USERS, OTHER_USERS = 1, 2, 3, 4


def relation(oid: int, schema: str, name: str, *columns: str) -> Relation:
    return Relation(
        oid=oid,
        schemaname=schema,
        relname=name,
        kind="r",
        owner="app",
        parent=0,
        reltuples=1,
        relpages=1,
        reloptions=(),
        has_rls=False,
        forces_rls=False,
        columns=columns,
    )


@pytest.fixture
def find() -> Find:
    tables = (
        relation(ORDERS, "shop", "orders", "id", "user_id", "state", "placed_at"),
        relation(ITEMS, "shop", "items", "id", "order_id", "sku"),
        relation(USERS, "shop", "users", "id", "email"),
        relation(OTHER_USERS, "crm", "users", "id", "email"),
    )
    return finder(Catalog(datname="d", relations={each.oid: each for each in tables}))


def compared(found: Facts | None) -> list[tuple[int, str, Match]]:
    assert found is not None
    return [(each.relid, each.column, each.match) for each in found.predicates]


def sorted_by(found: Facts | None) -> list[tuple[str, bool, bool]]:
    assert found is not None
    return [(key.column, key.is_descending, key.is_limited) for key in found.sort_keys]


EQ, RANGE, JOIN = Match.EQUALITY, Match.RANGE, Match.JOIN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from orders where user_id = $1", [(ORDERS, "user_id", EQ)]),
        ("select * from orders where $1 = user_id", [(ORDERS, "user_id", EQ)]),
        ("select * from orders where user_id in ($1, $2)", [(ORDERS, "user_id", EQ)]),
        ("select * from orders where user_id = any ($1)", [(ORDERS, "user_id", EQ)]),
        (
            "select * from orders where user_id in (select id from shop.users)",
            [(ORDERS, "user_id", EQ)],
        ),
        ("select * from orders where placed_at > $1", [(ORDERS, "placed_at", RANGE)]),
        (
            "select * from orders where placed_at between $1 and $2",
            [(ORDERS, "placed_at", RANGE)],
        ),
        ("select * from orders where placed_at = date $1", [(ORDERS, "placed_at", EQ)]),
        (
            "select 1 from orders o join items i on i.order_id = o.id where o.state=$1",
            [(ITEMS, "order_id", JOIN), (ORDERS, "id", JOIN), (ORDERS, "state", EQ)],
        ),
        (
            (
                "select 1 from orders, lateral (select * from items where order_id = "
                "orders.id and sku = $1) x"
            ),
            [(ITEMS, "order_id", JOIN), (ORDERS, "id", JOIN), (ITEMS, "sku", EQ)],
        ),
        (
            (
                "select 1 from orders o where exists (select 1 from items where "
                "sku = $1 and state = $2)"
            ),
            [(ITEMS, "sku", EQ), (ORDERS, "state", EQ)],
        ),
        ("update orders set state = $1 where user_id = $2", [(ORDERS, "user_id", EQ)]),
        (
            "update orders o set state = $1 from items i where i.sku = $2",
            [(ITEMS, "sku", EQ)],
        ),
        (
            "delete from items using orders where sku = $1 and user_id = $2",
            [(ITEMS, "sku", EQ), (ORDERS, "user_id", EQ)],
        ),
        (
            "insert into items select * from items i where i.sku = $1",
            [(ITEMS, "sku", EQ)],
        ),
        (
            (
                "merge into items i using orders o on i.order_id = o.id "
                "when matched then delete"
            ),
            [(ITEMS, "order_id", JOIN), (ORDERS, "id", JOIN)],
        ),
        (
            (
                "select 1 from orders where state = $1 union select 1 from items where "
                "sku = $2"
            ),
            [(ORDERS, "state", EQ), (ITEMS, "sku", EQ)],
        ),
        (
            (
                "with x as (select * from orders where state = $1) select * from x "
                "where user_id = $2"
            ),
            [(ORDERS, "state", EQ)],
        ),
        ("explain select * from orders where state = $1", [(ORDERS, "state", EQ)]),
        (
            "select (select count(*) from items where sku = $1) from orders",
            [(ITEMS, "sku", EQ)],
        ),
        (
            (
                "select 1 from orders having count(*) > (select id from items "
                "where sku = $1)"
            ),
            [(ITEMS, "sku", EQ)],
        ),
        (
            (
                "select 1 from generate_series($1, (select id from items where sku=$2))"
                " g where state = $3"
            ),
            [(ITEMS, "sku", EQ)],
        ),
        ("select 1 from shop.users where email = $1", [(USERS, "email", EQ)]),
    ],
)
def test_comparisons_find_their_table(
    text: str, expected: list[tuple[int, str, Match]], find: Find
) -> None:
    assert expected == compared(facts(text, find))


@pytest.mark.parametrize(
    "text",
    [
        "select * from users where email = $1",
        "select * from orders where lower(state) = $1",
        "select * from orders where state <> $1",
        "select * from orders where not (state = $1)",
        "select * from orders where state like $1",
        "select * from orders where user_id = id",
        "select * from orders where $1 = any (state)",
        "select case when state = $1 then 1 end from orders",
        "with orders as (select 1 as state) select * from orders where state = $1",
        "with recursive r as (select 1 union select n from r where n = 1) table r",
        "select * from orders o join items i using (id) where id = $1",
        "select * from missing where state = $1",
        "select * from (select 1 as state) orders where orders.state = $1",
        "select * from orders o where o.missing = $1",
        "select * from xmltable('/a' passing $1 columns state text) where state = $2",
        "select 1 where state = $1",
        "vacuum orders",
    ],
)
def test_what_no_index_serves_or_nobody_can_attribute_is_left_out(
    text: str, find: Find
) -> None:
    assert compared(facts(text, find)) == []


def test_columns_left_out_are_counted(find: Find) -> None:
    found = facts("select 1 from users where email = $1 order by id", find)

    assert found is not None
    assert found.unresolved == 2


def test_typed_parameters_as_the_server_stores_them_are_analysed(find: Find) -> None:
    text = "select * from orders where placed_at >= date $1 - interval $2"

    assert compared(facts(text, find)) == [(ORDERS, "placed_at", RANGE)]


def test_alternatives_are_marked(find: Find) -> None:
    found = facts("select 1 from orders where (state=$1 or user_id=$2) and id=$3", find)

    assert found is not None
    assert [each.is_alternative for each in found.predicates] == [True, True, False]


def test_sort_keys_carry_direction_and_limit(find: Find) -> None:
    limited = facts("select * from orders order by placed_at desc limit $1", find)
    whole = facts("select * from orders o order by o.id, lower(state), 1", find)

    assert sorted_by(limited) == [("placed_at", True, True)]
    assert sorted_by(whole) == [("id", False, False)]


def test_written_tables_are_told_apart(find: Find) -> None:
    found = facts("insert into items select * from orders", find)

    assert found is not None
    assert found.relids == {ORDERS, ITEMS}
    assert found.written == {ITEMS}


def test_a_write_is_never_to_a_cte_of_the_same_name() -> None:
    text = "with items as (select 1) insert into items select * from items"

    assert relations(text) == (("", "items"),)


def test_a_cte_hides_a_table_only_where_it_is_visible() -> None:
    text = "with a as (select * from b), b as (select 1) select * from a, b, s.b"

    assert relations(text) == (("", "b"), ("s", "b"))


@pytest.mark.parametrize("text", ["selec 1", "select 1 from", "", "x" * 200_000])
def test_a_text_that_does_not_parse_is_not_analysed(text: str, find: Find) -> None:
    assert facts(text, find) is None
    assert relations(text) is None
    assert fingerprint(text) is None


def test_fingerprints_ignore_literals() -> None:
    assert fingerprint("select a from t where b = 1") == fingerprint(
        "select a from t where b = $1"
    )


def test_our_numbers_are_the_parsers() -> None:
    pb = pytest.importorskip("postgast").pg_query_pb2

    assert (pb.AND_EXPR, pb.NOT_EXPR, pb.SORTBY_DESC) == (AND, NOT, DESCENDING)
    assert list(SubLink) == [
        pb.EXISTS_SUBLINK,
        pb.ALL_SUBLINK,
        pb.ANY_SUBLINK,
        pb.ROWCOMPARE_SUBLINK,
        pb.EXPR_SUBLINK,
        pb.ARRAY_SUBLINK,
    ]
    assert list(Expression) == [
        pb.AEXPR_OP,
        pb.AEXPR_OP_ANY,
        pb.AEXPR_OP_ALL,
        pb.AEXPR_IN,
        pb.AEXPR_BETWEEN,
    ]
