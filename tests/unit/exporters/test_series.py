from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.series import (
    LIMITS,
    SeriesLimits,
    fit,
    places_within,
    whole,
)
from tests.unit.exporters import example
from tests.unit.exporters.example import TableRow

TABLES = example.tables([TableRow(relname="a")])
"""Three series a row."""


def test_the_standard_profile_has_room_for_a_hundred_rows_of_each_kind() -> None:
    limits = LIMITS["standard"]

    assert (limits.places, limits.per_target) == (100, 5_000)


def test_all_places_are_given_when_they_fit() -> None:
    assert places_within(100, [TABLES], 303, before=None) == 100


def test_places_shrink_in_steps_when_room_is_short() -> None:
    assert places_within(100, [TABLES], 290, before=100) == 90


def test_places_do_not_follow_every_small_change_of_room() -> None:
    room = [3 * fitting + 3 for fitting in (90, 95, 109, 92)]

    places: int | None = 90
    seen: list[int] = []
    for series in room:
        places = places_within(200, [TABLES], series, before=places)
        seen.append(places)

    assert seen == [90] * 4


def test_places_grow_when_there_is_room_to_spare() -> None:
    assert places_within(200, [TABLES], 3 * 110 + 3, before=90) == 110


def test_no_room_gives_no_places() -> None:
    assert places_within(100, [TABLES], 2, before=50) == 0


def test_one_large_sheet_does_not_take_the_room_of_small_ones() -> None:
    limits = SeriesLimits(places=None, per_family=1_000, per_target=100)
    large = example.gauge("large", dict.fromkeys(range(500), 1))
    small = example.gauge("small", dict.fromkeys(range(20), 1))

    parts = fit([whole(large), whole(small)], limits, 100)

    assert [len(part.rows) for part in parts] == [80, 20]


@given(
    st.lists(st.integers(0, 300), max_size=8), st.integers(0, 400), st.integers(0, 200)
)
def test_parts_fit_into_the_room(sizes: list[int], room: int, per_family: int) -> None:
    limits = SeriesLimits(places=None, per_family=per_family, per_target=room)
    sheets = [
        example.gauge(f"m{i % 3}", dict.fromkeys(range(n), 1), datname=str(i))
        for i, n in enumerate(sizes)
    ]

    parts = fit([whole(sheet) for sheet in sheets], limits, room)

    assert sum(len(part.rows) for part in parts) <= room
    for name in ("m0", "m1", "m2"):
        rows = sum(len(part.rows) for part in parts if part.sheet.name == name)
        assert rows <= per_family


def test_rows_that_all_fit_are_the_very_same_tuple() -> None:
    limits = SeriesLimits(places=None, per_family=100, per_target=100)

    (part,) = fit([whole(TABLES)], limits, 100)

    assert part.rows is TABLES.rows
