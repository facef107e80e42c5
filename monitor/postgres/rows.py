"""Result rows as our own values: typed, and with text that is safe to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from functools import lru_cache
from typing import Any, cast

from monitor.errors import TargetError
from monitor.model.text import clean_text

# "char", name, text, json, unknown, bpchar, varchar, jsonb and arrays of them:
# everything that can carry text of the monitored database's users.
_TEXT_TYPES = frozenset({18, 19, 25, 114, 705, 1042, 1043, 3802})
_TEXT_ARRAYS = frozenset({199, 1002, 1003, 1009, 1014, 1015, 3807})
TEXT_OIDS = _TEXT_TYPES | _TEXT_ARRAYS

Values = Sequence[Any]


def make_row(
    name: str,
    columns: tuple[str, ...],
    types: tuple[int, ...],
    row: type[object] | None,
) -> Callable[[Values], object]:
    """Return what turns a row's values into an instance of `row`, or a tuple.

    Raises:
        TargetError: the columns are not the fields of `row`.
    """
    texts = tuple(i for i, oid in enumerate(types) if oid in TEXT_OIDS)
    if row is not None:
        check_columns(name, columns, row)

    def make(values: Values) -> object:
        cells: Values = values
        for i in texts:
            cell = values[i]
            # Nearly all text is clean and comes back as the same object.
            if cell is not None and (cleaned := clean_cell(cell)) is not cell:
                cells = [*cells[:i], cleaned, *cells[i + 1 :]]
        if row is None:
            return tuple(cells)
        return row(**dict(zip(columns, cells, strict=True)))

    return make


def clean_cell(value: object) -> object:
    """Return a cell with all text in it cleaned; arrays and JSON, too."""
    if isinstance(value, str | bytes):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_cell(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {
            clean_text(key): clean_cell(item)
            for key, item in cast("dict[str, object]", value).items()
        }
    return value


@lru_cache(maxsize=256)
def check_columns(name: str, columns: tuple[str, ...], row: type[object]) -> None:
    """Compare a query's columns with the fields of its row class.

    Raises:
        TargetError: one is missing, unknown or there twice.
    """
    accepted: tuple[Field[Any], ...] = fields(cast("Any", row))
    names = {field.name for field in accepted if field.init}
    for column in columns:
        if column not in names:
            raise TargetError(
                f'query "{name}" gives a column "{column}" that {row.__name__} lacks'
            )
        if columns.count(column) > 1:
            raise TargetError(f'query "{name}" gives the column "{column}" twice')
    for field in accepted:
        if field.init and _is_required(field) and field.name not in columns:
            raise TargetError(
                f'query "{name}" does not give the column "{field.name}"'
                f" of {row.__name__}"
            )


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
