from datetime import date

import pytest

from monitor.model.months import month_in, months_from, name_of, next_month, shifted


def test_months_go_on_over_the_end_of_a_year() -> None:
    expected = [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]

    assert expected == list(months_from(date(2026, 11, 30), 3))
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    assert shifted(date(2026, 1, 1), -13) == date(2024, 12, 1)


def test_a_name_tells_its_month() -> None:
    name = name_of("events", date(2026, 4, 1))

    assert name == "events_2026_04"
    assert month_in("events", name) == date(2026, 4, 1)


@pytest.mark.parametrize("name", ["events_default", "events_2026_13", "other_2026_04"])
def test_other_names_tell_none(name: str) -> None:
    assert month_in("events", name) is None
