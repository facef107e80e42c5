"""Which index finds rows by given columns."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model.catalog import Index


def serving_index(indexes: Iterable[Index], columns: tuple[str, ...]) -> Index | None:
    """Return an index that finds rows by equality on all columns, if there is one.

    Its leading keys are these columns in any order; more may follow. A partial
    index serves only if it merely leaves out the NULLs of a single column.
    """
    return next((each for each in indexes if _serves(each, columns)), None)


def leading_index(indexes: Iterable[Index], columns: Iterable[str]) -> Index | None:
    """Return an index whose first key is one of the columns, if there is one."""
    wanted = frozenset(columns)
    return next(
        (each for each in indexes if is_usable(each) and each.columns[0] in wanted),
        None,
    )


def is_usable(index: Index) -> bool:
    """Say whether an index finds any row by equality on its keys."""
    if not (index.is_valid and index.is_ready):
        return False
    return index.method in ("btree", "hash") and not index.predicate


def _serves(index: Index, columns: tuple[str, ...]) -> bool:
    count = len(columns)
    if index.method == "hash" and count > 1:
        return False
    if not (is_usable(index) or _omits_only_nulls(index, columns)):
        return False
    return count <= index.key_columns and set(index.columns[:count]) == set(columns)


def _omits_only_nulls(index: Index, columns: tuple[str, ...]) -> bool:
    # An equality is never true for NULL, so the planner can still use the index.
    if not (index.is_valid and index.is_ready and index.method == "btree"):
        return False
    return len(columns) == 1 and index.predicate.strip("()") in (
        f"{columns[0]} IS NOT NULL",
        f'"{columns[0]}" IS NOT NULL',
    )
