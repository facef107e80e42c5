"""Result rows become values whose text is safe, or a clear error."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from monitor.errors import TargetError
from monitor.postgres.rows import clean_cell, make_row

INT8, TEXT, BYTEA, TEXT_ARRAY, JSONB = 20, 25, 17, 1009, 3802


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    oid: int
    relname: str
    note: str = ""


def test_row_is_built_by_column_name() -> None:
    make = make_row("tables", ("relname", "oid"), (TEXT, INT8), Table)

    assert make(("orders", 7)) == Table(oid=7, relname="orders")


def test_row_without_class_is_a_tuple() -> None:
    make = make_row("tables", ("oid", "relname"), (INT8, TEXT), None)

    assert make((7, "orders")) == (7, "orders")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("oid",), 'query "tables" does not give the column "relname" of Table'),
        (("oid", "relname", "x"), 'query "tables" gives a column "x" that Table lacks'),
        (("oid", "relname", "oid"), 'query "tables" gives the column "oid" twice'),
    ],
)
def test_wrong_columns_are_named(columns: tuple[str, ...], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        make_row("tables", columns, (TEXT,) * len(columns), Table)


def test_text_is_cleaned_and_bytes_of_sql_ascii_are_read() -> None:
    make = make_row("t", ("a", "b", "c"), (TEXT, TEXT_ARRAY, INT8), None)

    assert make((b"caf\xe9", ["a\x1b", b"b"], 3)) == (
        "caf\\xe9",
        ["a\\x1b", "b"],
        3,
    )


def test_binary_data_is_left_alone() -> None:
    make = make_row("t", ("a",), (BYTEA,), None)

    assert make((b"\x00\xff",)) == (b"\x00\xff",)


def test_text_inside_json_is_cleaned() -> None:
    assert clean_cell({"k\x00": ["v\x1b", 1, None]}) == {"k\\x00": ["v\\x1b", 1, None]}
