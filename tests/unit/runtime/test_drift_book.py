"""Accepted states of row level security, kept between looks and restarts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.model.catalog import Relation
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.role_attributes import RoleAttributesRow
from monitor.model.view import View
from monitor.rls.drift import MOST_RELATIONS
from monitor.runtime.drift_book import DriftBook
from monitor.runtime.state_file import Saved, StateFile
from tests.unit.factories import NOW, make, make_catalog, make_table, reading
from tests.unit.rls.test_observed import seen

KEEP = timedelta(hours=24)
NOBODY: frozenset[tuple[str, str]] = frozenset()
NOTES = make_table(oid=1, relname="notes", has_rls=True)
BARE = replace(NOTES, has_rls=False)


def look(*tables: Relation, **changes: Any) -> View:
    view = seen(catalogs=[make_catalog(*tables)], **changes)
    none = reading((), datname="app")
    roles = reading([make(RoleAttributesRow, oid=10, rolname="authenticated")])
    parts = {(ExposedRelationRow, "app"): none, (RoleAttributesRow, ""): roles}
    return replace(view, readings={**view.readings, **parts})


def kinds(book: DriftBook, view: View) -> list[str]:
    found = book.look(view, NOBODY, KEEP)
    return [each.kind for told in found.values() for each in told]


def test_the_first_sight_is_the_accepted_state() -> None:
    book = DriftBook()

    assert kinds(book, look(BARE)) == []
    assert kinds(book, look(BARE)) == []


def test_nothing_is_compared_before_all_parts_have_been_read() -> None:
    book = DriftBook()

    book.look(seen(catalogs=[make_catalog(NOTES)]), NOBODY, KEEP)

    assert "app" not in book.baselines


def test_a_change_while_the_daemon_was_down_is_found(tmp_path: Path) -> None:
    before = DriftBook()
    kinds(before, look(NOTES))
    file = StateFile.open(tmp_path, NOW)
    file.save("orders", Saved(baselines=before.baselines))

    after = DriftBook(file.load("orders").baselines)
    file.close()

    assert kinds(after, look(BARE)) == ["rls_switched_off"]


def test_when_a_change_was_first_seen_survives_a_restart() -> None:
    before = DriftBook()
    kinds(before, look(NOTES))
    kinds(before, look(BARE))
    after = DriftBook(before.baselines)

    found = after.look(look(BARE, now=NOW + timedelta(hours=5)), NOBODY, KEEP)

    assert [each.since for each in found["app"]] == [NOW]


def test_a_dropped_database_is_forgotten() -> None:
    book = DriftBook()
    kinds(book, look(NOTES))

    kinds(book, seen(databases={7: "other"}, catalogs=[]))

    assert "app" not in book.baselines


def test_a_baseline_is_bounded_and_says_what_it_leaves_out() -> None:
    tables = [
        make_table(oid=oid, relname=f"t{oid}", has_rls=True)
        for oid in range(1, MOST_RELATIONS + 4)
    ]
    book = DriftBook()

    kinds(book, look(*tables))

    assert len(book.baselines["app"].relations) == MOST_RELATIONS
    assert book.baselines["app"].left_out == 3
