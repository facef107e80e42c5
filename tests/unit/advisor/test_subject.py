"""Names of new indexes."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.advisor.subject import MAX_NAME_BYTES, free_name
from tests.unit.factories import make_catalog, make_index, make_table

_NAMES = st.text(min_size=1, max_size=63)


def test_a_name_follows_postgresqls_custom() -> None:
    assert free_name(make_catalog(), make_table(), ["a", "b"]) == "orders_a_b_idx"


def test_a_taken_name_gets_a_number() -> None:
    taken = [
        make_index(oid=2, indexrelname="orders_a_idx"),
        make_index(oid=3, indexrelname="orders_a_idx2"),
    ]

    assert (
        free_name(make_catalog(indexes=taken), make_table(), ["a"]) == "orders_a_idx3"
    )


def test_an_index_of_another_schema_does_not_take_the_name() -> None:
    other = make_index(oid=2, indexrelname="orders_a_idx", schemaname="archive")

    assert (
        free_name(make_catalog(indexes=[other]), make_table(), ["a"]) == "orders_a_idx"
    )


def test_a_table_takes_the_name_too() -> None:
    table = make_table(oid=7, relname="orders_a_idx")

    assert free_name(make_catalog(table), make_table(), ["a"]) == "orders_a_idx2"


@given(_NAMES, st.lists(_NAMES, min_size=1, max_size=4))
def test_any_name_fits_and_is_the_same_again(table: str, columns: list[str]) -> None:
    name = free_name(make_catalog(), make_table(oid=1, relname=table), columns)

    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name == free_name(make_catalog(), make_table(oid=1, relname=table), columns)


@given(_NAMES, _NAMES)
def test_a_second_index_of_the_same_columns_gets_another_name(
    table: str, column: str
) -> None:
    first = free_name(make_catalog(), make_table(oid=1, relname=table), [column])
    catalog = make_catalog(indexes=[make_index(oid=2, indexrelname=first)])

    assert first != free_name(catalog, make_table(oid=1, relname=table), [column])
