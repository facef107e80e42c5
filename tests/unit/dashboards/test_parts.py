"""Tiles find their places on the grid."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.parts import COLUMNS, Place, Section, Tile, place

TILES = st.builds(
    Tile,
    panel=st.none(),
    width=st.integers(1, COLUMNS),
    height=st.integers(1, 12),
)
SECTIONS = st.lists(
    st.builds(Section, title=st.just("Row"), tiles=st.lists(TILES, max_size=8)),
    max_size=5,
)


def cells(where: Place) -> set[tuple[int, int]]:
    return {
        (where.x + column, where.y + line)
        for column in range(where.width)
        for line in range(where.height)
    }


def test_tiles_fill_a_row_and_go_on_below_the_tallest() -> None:
    tiles = [Tile("a", 12, 4), Tile("b", 12, 8), Tile("c", 8, 8)]

    places = [where for _, where in place([Section("Row", tiles), Section("Next", [])])]

    assert places == [
        Place(1, 0, 0, 24, 1),
        Place(2, 0, 1, 12, 4),
        Place(3, 12, 1, 12, 8),
        Place(4, 0, 9, 8, 8),
        Place(5, 0, 17, 24, 1),
    ]


@given(SECTIONS)
def test_nothing_overlaps_or_leaves_the_grid(sections: list[Section]) -> None:
    taken: set[tuple[int, int]] = set()

    for _, where in place(sections):
        assert where.x + where.width <= COLUMNS
        assert not taken & cells(where)
        taken |= cells(where)
