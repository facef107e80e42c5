"""Calendar months as partitions have them: by their first day, in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_SUFFIX = re.compile(r"_(\d{4})_(0[1-9]|1[0-2])\Z")
_A_YEAR = 12


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def shifted(month: date, by: int) -> date:
    """Return the month that is so many later, or earlier if negative."""
    years, index = divmod(month.year * _A_YEAR + month.month - 1 + by, _A_YEAR)
    return date(years, index + 1, 1)


def next_month(month: date) -> date:
    """Return the month after."""
    return shifted(month, 1)


def months_from(day: date, count: int) -> Iterator[date]:
    """Yield the month of a day and those that follow, `count` together."""
    for by in range(count):
        yield shifted(month_of(day), by)


def name_of(table: str, month: date) -> str:
    """Return what the platform calls the partition of a month."""
    return f"{table}_{month:%Y_%m}"


def month_in(table: str, name: str) -> date | None:
    """Return the month that a partition of the platform is called after."""
    found = _SUFFIX.search(name)
    if found is None or name[: found.start()] != table:
        return None
    return date(int(found[1]), int(found[2]), 1)
