from __future__ import annotations

import pytest

from monitor.collectors.collector import Collected
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.snapshot import Reading, Sheet
from monitor.model.target import Target
from monitor.model.view import StatementText
from monitor.runtime.memory import MAX_TEXTS, Memory
from monitor.runtime.windows import WindowBook
from tests.unit.factories import NOW, make, make_catalog, make_server


def memory() -> Memory:
    return Memory(Target(name="orders"), span_seconds=300.0, windows=WindowBook())


def sheet(name: str, datname: str = "") -> Collected:
    return Collected(
        sheets=(
            Sheet(name=name, datname=datname, columns=(), rows=(), cells=lambda _: ()),
        )
    )


def names(known: Memory) -> list[str]:
    return [each.name for each in known.sheets()]


def test_what_is_not_renewed_in_time_is_not_served() -> None:
    known = memory()
    known.absorb("old", "", sheet("old"), expires_at=10.0)
    known.absorb("new", "", sheet("new"), expires_at=20.0)

    known.expire(10.5)

    assert names(known) == ["new"]


def test_it_is_served_to_the_end_of_its_time() -> None:
    known = memory()
    known.absorb("old", "", sheet("old"), expires_at=10.0)

    known.expire(10.0)

    assert names(known) == ["old"]


def test_a_database_that_goes_takes_only_its_own_along() -> None:
    known = memory()
    for datname in ("app", "other"):
        catalog = Collected(
            catalog=make_catalog(datname=datname),
            sheets=sheet(datname, datname).sheets,
        )
        known.absorb("catalog", datname, catalog, expires_at=10.0)

    known.forget("app")

    assert names(known) == ["other"]
    assert list(known.view(make_server(), NOW).catalogs) == ["other"]


def test_the_oldest_texts_go_when_there_are_too_many() -> None:
    known = memory()
    texts = {
        queryid: make(StatementText, queryid=queryid) for queryid in range(MAX_TEXTS)
    }
    known.absorb("statement_texts", "", Collected(texts=texts), expires_at=10.0)

    one_more = {MAX_TEXTS: make(StatementText, queryid=MAX_TEXTS)}
    known.absorb("statement_texts", "", Collected(texts=one_more), expires_at=10.0)

    kept = known.view(make_server(), NOW).texts
    assert len(kept) == MAX_TEXTS
    assert 0 not in kept
    assert MAX_TEXTS in kept


@pytest.mark.promise(10)
def test_texts_of_costly_statements_outlive_a_flood_of_others() -> None:
    known = memory()
    costly = make(StatementRow, queryid=-1, exec_time_seconds_total=9.0)
    reading = Reading(
        collector="stat_statements", datname="", monotonic=1.0, epoch="", rows=(costly,)
    )
    first = {-1: make(StatementText, queryid=-1)}
    flood = {
        queryid: make(StatementText, queryid=queryid)
        for queryid in range(2 * MAX_TEXTS)
    }

    known.absorb("stat_statements", "", Collected(readings=(reading,)), expires_at=9.0)
    known.absorb("statement_texts", "", Collected(texts=first), expires_at=9.0)
    known.absorb("statement_texts", "", Collected(texts=flood), expires_at=9.0)

    kept = known.view(make_server(), NOW).texts
    assert len(kept) == MAX_TEXTS
    assert -1 in kept
    assert 2 * MAX_TEXTS - 1 in kept


@pytest.mark.promise(10)
def test_names_of_dropped_roles_and_databases_go() -> None:
    known = memory()
    before = Collected(roles={1: "a", 2: "b"}, databases={3: "c", 4: "d"})
    after = Collected(roles={2: "b"}, databases={4: "d"})

    known.absorb("stat_statements", "", before, expires_at=9.0)
    known.absorb("stat_statements", "", after, expires_at=9.0)
    known.absorb("catalog", "app", Collected(), expires_at=9.0)

    view = known.view(make_server(), NOW)
    assert (dict(view.roles), dict(view.databases)) == ({2: "b"}, {4: "d"})


def test_a_view_does_not_change_when_more_arrives() -> None:
    known = memory()
    before = known.view(make_server(), NOW)

    arrived = Collected(catalog=make_catalog(), roles={10: "postgres"})
    known.absorb("catalog", "app", arrived, expires_at=10.0)

    assert (dict(before.catalogs), dict(before.roles)) == ({}, {})
