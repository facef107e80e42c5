"""What probes have brought: kept, published, voided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pydantic import TypeAdapter

from monitor.model.rls import Saving, StatementCost
from monitor.rls.rounds import Survey
from monitor.runtime.answers import Answers
from monitor.runtime.probe_book import (
    MOST_KEPT,
    ROUNDS,
    ProbeBook,
    SavedProbes,
    cost_key,
)
from tests.unit.factories import NOW, make
from tests.unit.rls.probed import GUARDED, cost

LISTED = make(StatementCost, database="app", statement="list", persona="alice")
SAVING = make(
    Saving, database="app", relid=1, policy_set="set", personas=("alice",), at=NOW
)


def survey(policies: str = "set", together: str = "all") -> Survey:
    return Survey(
        rounds=(), policies={("app", 1): policies}, databases={"app": together}
    )


def filled() -> ProbeBook:
    book = ProbeBook(30.0)
    book.take_cost(cost())
    book.add_overheads(GUARDED, "set", [0.001])
    book.take_statement(LISTED, "all")
    book.take_saving(SAVING)
    return book


def test_everything_is_published() -> None:
    book = filled()
    book.note_round(0.5, NOW, has_failed=False)
    book.note_round(0.25, NOW, has_failed=True)

    found = book.probes(NOW, "a reason")

    assert (found.unit_costs, found.statement_costs) == ((cost(),), (LISTED,))
    assert (found.savings, found.overheads[0].count) == ((SAVING,), 1)
    assert (found.rounds_total, found.failures_total) == (2, 1)
    assert (found.seconds_total, found.seconds_this_hour) == (0.75, 0.75)
    assert found.paused == "a reason"


def test_a_failure_leaves_the_last_good_figure_beside_it() -> None:
    book = filled()
    failed = cost(status="timeout", per_row=None, at=NOW)

    book.take_cost(failed)
    beside = book.probes(NOW, "").unit_costs
    book.take_cost(cost(at=NOW))

    assert beside == (cost(), failed)
    assert book.probes(NOW, "").unit_costs == (cost(at=NOW),)


def test_the_quietest_of_the_last_rounds_stands_as_of_the_last_one() -> None:
    book = ProbeBook(30.0)
    calm = cost(per_row=2e-6, scan_per_row=1e-7, at=NOW)
    busy = cost(per_row=5e-6, scan_per_row=4e-7, at=NOW + timedelta(minutes=15))

    book.take_cost(calm)
    book.take_cost(busy)
    first = book.probes(NOW, "").unit_costs
    for _ in range(ROUNDS):
        book.take_cost(busy)

    assert first == (replace(calm, at=busy.at),)
    assert book.probes(NOW, "").unit_costs == (busy,)


def test_a_figure_under_former_policies_is_no_rival() -> None:
    book = ProbeBook(30.0)
    book.take_cost(cost(per_row=2e-6, scan_per_row=1e-7, at=NOW))
    later = NOW + timedelta(minutes=15)
    changed = cost(per_row=9e-6, scan_per_row=1e-7, at=later, policy_set="other")

    book.take_cost(changed)

    assert book.probes(NOW, "").unit_costs == (changed,)


def test_a_changed_policy_voids_what_was_measured_under_it() -> None:
    book = filled()

    gone = book.void(survey("other", "other"))

    found = book.probes(NOW, "")
    assert cost_key(cost()) in gone
    assert len(gone) == 3
    assert not found.unit_costs
    assert not found.overheads
    assert not found.statement_costs
    assert not found.savings


def test_a_histogram_under_other_policies_begins_anew() -> None:
    book = filled()

    book.add_overheads(GUARDED, "other", [0.5])

    (found,) = book.probes(NOW, "").overheads
    assert (found.count, found.recent) == (1, (0.5,))


def test_a_dropped_table_voids_its_figures() -> None:
    book = filled()

    gone = book.void(Survey(rounds=(), policies={}, databases={"app": "all"}))

    assert cost_key(cost()) in gone


def test_figures_hold_while_nothing_or_nothing_known_has_changed() -> None:
    book = filled()

    same = book.void(survey())
    unknown = book.void(Survey(rounds=(), policies={}, databases={}))

    assert same == unknown == frozenset()


def test_figures_of_others_go_with_their_personas() -> None:
    book = filled()

    book.keep_personas(["bob"])

    found = book.probes(NOW, "")
    assert (found.unit_costs, found.statement_costs, found.savings) == ((), (), ())


def test_figures_survive_a_restart_but_counters_begin_anew() -> None:
    book = filled()
    book.note_round(0.5, NOW, has_failed=False)
    adapter = TypeAdapter(SavedProbes)

    kept = adapter.validate_json(adapter.dump_json(book.saved))
    found = ProbeBook(30.0, kept).probes(NOW, "")

    assert found.unit_costs == (cost(),)
    assert found.statement_costs == (LISTED,)
    assert found.savings == (SAVING,)
    assert (found.rounds_total, found.seconds_total) == (0, 0.0)
    assert [(o.count, o.recent) for o in found.overheads] == [(0, (0.001,))]
    assert found.seconds_this_hour == 0.5


def test_only_so_many_figures_are_kept() -> None:
    book = ProbeBook(30.0)
    for relid in range(MOST_KEPT + 3):
        book.take_cost(cost(table=replace(GUARDED, relid=relid)))

    kept = book.saved.unit_costs

    assert len(kept) == MOST_KEPT
    assert kept[0].table.relid == 3


def test_what_was_asked_in_vain_is_not_asked_again() -> None:
    answers = Answers()

    answers.take("app", "user", [1, 2], {1: True})

    assert ("app", 2, "user") in answers
    assert answers.given == {("app", 1, "user"): True}


def test_answers_hold_until_a_policy_of_their_database_changes() -> None:
    answers = Answers()
    answers.void({"app": "1", "other": "1"})
    answers.take("app", "user", [1], {1: True})
    answers.take("other", "user", [1], {1: False})

    answers.void({"app": "2", "other": "1"})

    assert answers.given == {("other", 1, "user"): False}


def test_moments_tell_when_each_figure_was_measured() -> None:
    assert set(filled().moments.values()) == {NOW, NOW - timedelta(minutes=5)}
