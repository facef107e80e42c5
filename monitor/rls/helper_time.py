"""Time inside the functions that policies call, as the server counts it anyway.

What a SECURITY DEFINER function runs inside is recorded as statements of its owner
that no client sent, if pg_stat_statements.track is `all`. Which function it was is
not recorded, but its body has the text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from monitor.model.rls_observed import HelperSource, HelperTime
from monitor.model.rows.helper_functions import HelperFunctionRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View

FEWEST_CHARACTERS = 12
"""A shorter text could stand in any body."""

HelperKey = tuple[str, int, HelperSource]

_MOST_PLACES = 50
_PARAMETER = re.compile(r"\$\d+")
# Without a way back: how a text could be split into values has no end.
_VALUE = r"(?>\$\d+|'(?:[^']|'')*+'|[\w.]++)"
_SPACE = re.compile(r"\s+")
_INTO = re.compile(r"\binto (?:strict )?[\w.]+(?: ?, ?[\w.]+)* ", re.IGNORECASE)
_SELECT = re.compile(r"^select ", re.IGNORECASE)


def helper_times(view: View) -> tuple[HelperTime, ...]:
    """Return the time of the check interval by function, from both sources."""
    statements = view.recent(StatementRow)
    found = list(nested(view, statements.rows if statements else ()))
    for datname in view.catalogs:
        functions = view.recent(HelperFunctionRow, datname)
        found.extend(counted(datname, functions.rows if functions else ()))
    return tuple(found)


def nested(view: View, rows: Iterable[StatementRow]) -> tuple[HelperTime, ...]:
    """Return what increases of statements inside functions add up to.

    A text that is in the bodies of several functions of one owner counts for the
    first. Before PostgreSQL 14 such statements cannot be told from clients' own.
    """
    owned: dict[tuple[str, str], list[HelperFunctionRow]] = defaultdict(list)
    for datname, functions in view.per_database(HelperFunctionRow):
        for function in functions:
            owned[datname, function.owner].append(function)
    found: dict[HelperKey, HelperTime] = {}
    for row in rows if owned else ():
        datname, owner = view.databases.get(row.dbid, ""), view.roles.get(row.userid)
        text = view.texts.get(row.queryid)
        candidates = owned.get((datname, owner or ""))
        if row.toplevel or text is None or not candidates:
            continue
        function = _origin(text.text, candidates)
        if function is not None:
            calls, seconds = row.calls_total, row.exec_time_seconds_total
            inside = _time(datname, function, "pgss_nested", calls, seconds)
            found = dict(accumulate(found, [inside]))
    return tuple(found.values())


def counted(datname: str, rows: Iterable[HelperFunctionRow]) -> tuple[HelperTime, ...]:
    """Return what increases of the functions' own counters say.

    Nothing where track_functions is off. Source: pg_stat_user_functions.
    """
    return tuple(_counted(datname, rows))


def _counted(datname: str, rows: Iterable[HelperFunctionRow]) -> Iterator[HelperTime]:
    for row in rows:
        calls, seconds = row.calls_total, row.exec_time_seconds_total
        if calls is not None and seconds is not None:
            yield _time(datname, row, "functions", calls, seconds)


def accumulate(
    sums: Mapping[HelperKey, HelperTime], found: Iterable[HelperTime]
) -> Mapping[HelperKey, HelperTime]:
    """Return running sums with what was found since; they never decrease."""
    added = dict(sums)
    for each in found:
        key = (each.database, each.oid, each.source)
        known = added.get(key)
        added[key] = HelperTime(
            database=each.database,
            oid=each.oid,
            function=each.function,
            owner=each.owner,
            source=each.source,
            calls=each.calls + (known.calls if known else 0),
            seconds=each.seconds + (known.seconds if known else 0.0),
        )
    return added


def _time(
    datname: str,
    function: HelperFunctionRow,
    source: HelperSource,
    calls: int,
    seconds: float,
) -> HelperTime:
    return HelperTime(
        database=datname,
        oid=function.oid,
        function=function.function,
        owner=function.owner,
        source=source,
        calls=calls,
        seconds=seconds,
    )


def _origin(
    text: str, functions: Iterable[HelperFunctionRow]
) -> HelperFunctionRow | None:
    return next((each for each in functions if is_within(text, each.body)), None)


@lru_cache(maxsize=4096)
def is_within(text: str, body: str) -> bool:
    """Say whether a recorded statement is part of a function's body.

    Constants were replaced by parameters when it was recorded. PL/pgSQL takes out
    INTO, and puts SELECT in front of what PERFORM evaluates.
    """
    wanted = _flat(text).rstrip(";").strip()
    if len(_PARAMETER.sub("", wanted)) < FEWEST_CHARACTERS:
        return False
    forms = dict.fromkeys((wanted, _SELECT.sub("", wanted)))
    return any(_stands_in(form, have) for form in forms for have in _without_into(body))


def _stands_in(wanted: str, have: str) -> bool:
    """Look at the first places only: owners write both, and could make us search."""
    first, *others = _PARAMETER.split(wanted)
    rest = re.compile(_VALUE.join(map(re.escape, ("", *others))))
    start = have.find(first)
    for _ in range(_MOST_PLACES):
        if start < 0:
            return False
        if rest.match(have, start + len(first)):
            return True
        start = have.find(first, start + 1)
    return False


@lru_cache(maxsize=256)
def _without_into(body: str) -> tuple[str, ...]:
    """Return a body's text on one line, with and without INTO."""
    flat = _flat(body)
    return tuple(dict.fromkeys((flat, _INTO.sub("", flat))))


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
