"""What indexes that nothing needs take together."""

from __future__ import annotations

import pytest

from monitor.advisor.index_volume import Thresholds, check
from monitor.model.catalog import Index
from monitor.model.finding import Finding
from monitor.model.rows.relation_size import SizeRow
from tests.unit.factories import (
    current,
    make,
    make_catalog,
    make_index,
    make_table,
    view,
)

pytestmark = pytest.mark.requirement("S8.1.2-h")

GIB = 1024**3


def index(oid: int, name: str, column: str, **changes: object) -> Index:
    return make_index(oid=oid, indexrelname=name, columns=(column,), **changes)


def findings(
    *sizes: int, thresholds: Thresholds | None = None, comment: str = ""
) -> list[Finding]:
    """Judge two twins and another index of these sizes."""
    indexes = [
        index(2, "first", "a"),
        index(3, "second", "a", comment=comment),
        index(4, "other", "b"),
    ]
    rows = [
        make(SizeRow, oid=each.oid, size_bytes=size)
        for each, size in zip(indexes, sizes, strict=True)
    ]
    seen = view(
        current(SizeRow, *rows, datname="app"),
        catalogs=[make_catalog(make_table(), indexes=indexes)],
    )
    return list(check(seen, thresholds or Thresholds()))


def test_a_fifth_of_the_space_is_told_with_the_statement_for_the_largest() -> None:
    (finding,) = findings(GIB, GIB, 3 * GIB)

    figures = {e.name: e.value for e in finding.evidence}
    assert finding.summary == (
        "1 GB are taken by 1 index that nothing needs, 20% of the space of all indexes"
    )
    assert finding.value == 0.2
    assert figures["public.second"] == GIB
    assert finding.remedy is not None
    assert finding.remedy.sql == "drop index concurrently public.second;"


@pytest.mark.parametrize(
    "sizes",
    [(GIB, GIB, 4 * GIB), (GIB, GIB - 1, GIB)],
    ids=["a share below", "a volume below"],
)
def test_little_is_not_told(sizes: tuple[int, int, int]) -> None:
    assert findings(*sizes) == []


def test_an_index_that_is_kept_on_purpose_does_not_count() -> None:
    seen = findings(GIB, GIB, GIB, comment="pgvigil:keep")

    assert [e.name for one in seen for e in one.evidence if "second" in e.name] == []


def test_without_such_indexes_nothing_is_told_whatever_the_levels() -> None:
    nothing = Thresholds(warning=0, min_size_bytes=0)

    assert list(check(view(catalogs=[make_catalog(make_table())]), nothing)) == []
