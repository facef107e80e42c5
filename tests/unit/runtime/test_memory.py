from __future__ import annotations

from monitor.collectors.collector import Collected
from monitor.model.snapshot import Sheet
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


def test_a_view_does_not_change_when_more_arrives() -> None:
    known = memory()
    before = known.view(make_server(), NOW)

    arrived = Collected(catalog=make_catalog(), roles={10: "postgres"})
    known.absorb("catalog", "app", arrived, expires_at=10.0)

    assert (dict(before.catalogs), dict(before.roles)) == ({}, {})
