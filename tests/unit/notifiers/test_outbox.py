"""Each change is told once, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.alert import Alert, AlertState, Told
from monitor.model.finding import Severity
from monitor.notifiers import outbox as module
from monitor.notifiers.outbox import Outbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRING, RESOLVED = AlertState.FIRING, AlertState.RESOLVED


def alert(name: str = "A", state: AlertState = FIRING, server: str = "orders") -> Alert:
    return Alert(
        fingerprint=name,
        name=name,
        severity=Severity.WARNING,
        state=state,
        labels={"alertname": name, "server": server},
        annotations={},
        active_since=NOW - timedelta(minutes=5),
        fired_at=NOW,
        resolved_at=NOW if state is RESOLVED else None,
    )


def outbox(*told: Told) -> Outbox:
    return Outbox(lambda: NOW, told)


def waiting(box: Outbox) -> list[tuple[str, AlertState]]:
    return [(one.alert.name, one.alert.state) for one in box.next(100)]


def deliver(box: Outbox) -> list[tuple[str, AlertState]]:
    changes = box.next(100)
    box.delivered(changes)
    return [(one.alert.name, one.alert.state) for one in changes]


def test_a_firing_alert_is_told_once() -> None:
    box = outbox()
    box.submit("orders", [alert()])

    first = deliver(box)
    box.submit("orders", [alert()])

    assert first == [("A", FIRING)]
    assert waiting(box) == []


def test_pending_alerts_are_not_told() -> None:
    box = outbox()

    box.submit("orders", [alert(state=AlertState.PENDING)])

    assert waiting(box) == []


def test_the_end_is_told_even_when_the_alert_is_forgotten_meanwhile() -> None:
    box = outbox()
    box.submit("orders", [alert()])
    deliver(box)

    box.submit("orders", [alert(state=RESOLVED)])
    box.submit("orders", [])

    assert deliver(box) == [("A", RESOLVED)]
    assert waiting(box) == []


def test_what_came_and_went_untold_is_told_as_over() -> None:
    box = outbox()
    box.submit("orders", [alert()])

    box.submit("orders", [alert(state=RESOLVED)])

    assert waiting(box) == [("A", RESOLVED)]


def test_an_end_that_was_none_is_not_told() -> None:
    box = outbox()
    box.submit("orders", [alert()])
    deliver(box)
    box.submit("orders", [alert(state=RESOLVED)])

    box.submit("orders", [alert()])

    assert waiting(box) == []


def test_an_end_that_may_have_been_heard_is_followed_by_the_alert_again() -> None:
    box = outbox()
    box.submit("orders", [alert()])
    deliver(box)
    box.submit("orders", [])
    heard = waiting(box)

    box.submit("orders", [alert()])

    assert heard == [("A", RESOLVED)]
    assert waiting(box) == [("A", FIRING)]


def test_a_change_while_one_is_under_way_is_told_after_it() -> None:
    box = outbox()
    box.submit("orders", [alert()])
    under_way = box.next(10)

    box.submit("orders", [alert(state=RESOLVED)])
    box.delivered(under_way)

    assert deliver(box) == [("A", RESOLVED)]
    assert box.told == ()


def test_after_a_restart_nothing_is_repeated_and_nothing_ends_unheard() -> None:
    known = Told(source="orders", alert=alert(), is_known=True)
    box = outbox(known)

    box.submit("other", [])
    before = waiting(box)
    box.submit("orders", [alert()])

    assert before == []
    assert waiting(box) == []
    assert box.told == (known,)


def test_after_a_restart_what_ended_meanwhile_is_told() -> None:
    box = outbox(Told(source="orders", alert=alert(), is_known=True))

    box.submit("orders", [])

    assert waiting(box) == [("A", RESOLVED)]


def test_after_a_restart_what_waited_is_told_once_it_is_heard_of_again() -> None:
    box = outbox(Told(source="orders", alert=alert()))

    before = waiting(box)
    box.submit("orders", [alert()])

    assert before == []
    assert waiting(box) == [("A", FIRING)]


def test_a_target_that_is_taken_away_ends_its_alerts() -> None:
    box = outbox()
    box.submit("orders", [alert()])
    deliver(box)

    box.withdraw("orders")

    assert waiting(box) == [("A", RESOLVED)]


def test_what_is_inhibited_is_told_when_it_is_no_more() -> None:
    box = outbox()
    down = replace(alert("PgvigilTargetDown"), severity=Severity.CRITICAL)
    box.submit("orders", [down, alert()])
    first = deliver(box)

    box.submit("orders", [alert()])

    assert first == [("PgvigilTargetDown", FIRING)]
    assert sorted(deliver(box)) == [("A", FIRING), ("PgvigilTargetDown", RESOLVED)]


def test_what_is_explained_while_it_waits_is_not_told() -> None:
    box = outbox()
    box.submit("orders", [alert("PgvigilTargetDown")])

    box.submit("PgvigilMonitorBlind", [alert("PgvigilMonitorBlind", server="")])

    assert waiting(box) == [("PgvigilMonitorBlind", FIRING)]


def test_what_may_have_been_heard_is_told_although_it_is_explained() -> None:
    box = outbox()
    box.submit("orders", [alert("PgvigilTargetDown")])
    unanswered = waiting(box)

    box.submit("PgvigilMonitorBlind", [alert("PgvigilMonitorBlind", server="")])

    assert unanswered == [("PgvigilTargetDown", FIRING)]
    assert [*unanswered, ("PgvigilMonitorBlind", FIRING)] == waiting(box)


def test_a_condition_that_waits_for_its_hold_again_is_not_over() -> None:
    box = outbox(Told(source="orders", alert=alert(), is_known=True))

    box.submit("orders", [alert(state=AlertState.PENDING)])
    pending = waiting(box)
    box.submit("orders", [])

    assert pending == []
    assert waiting(box) == [("A", RESOLVED)]


def test_what_is_given_up_is_counted_and_not_tried_again() -> None:
    box = outbox()
    box.submit("orders", [alert()])

    box.give_up(box.next(1)[0])
    box.submit("orders", [alert()])

    assert (box.dropped_total, waiting(box)) == (1, [])


def test_the_queue_is_bounded_and_the_oldest_go() -> None:
    box = outbox()
    many = [alert(str(number)) for number in range(module.MOST + 3)]

    box.submit("orders", many)

    assert len(box) == module.MOST
    assert box.dropped_total == 3
    assert box.next(1)[0].alert.name == "3"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["deliver", "lose", "restart"]),
            st.tuples(
                st.sampled_from(["a", "b"]),
                st.frozensets(st.sampled_from(["A", "B", "C"])),
            ),
        ),
        max_size=30,
    )
)
@pytest.mark.requirement("S8.1.2-g")
def test_a_receiver_ends_up_knowing_what_is_true(
    steps: list[str | tuple[str, frozenset[str]]],
) -> None:
    box, known, truth = outbox(), set[str](), dict[str, frozenset[str]]()
    for step in steps:
        match step:
            case "deliver":
                _hear(known, deliver(box))
            case "lose":
                _hear(known, waiting(box))
            case "restart":
                box = outbox(*box.told)
            case (str(source), frozenset(names)):
                truth[source] = names
                box.submit(
                    source, [alert(f"{source}{n}", server=source) for n in names]
                )
            case _:
                raise AssertionError(step)

    for source, names in truth.items():
        box.submit(source, [alert(f"{source}{n}", server=source) for n in names])
    _hear(known, deliver(box))

    assert known == {f"{source}{n}" for source, names in truth.items() for n in names}


def _hear(known: set[str], heard: list[tuple[str, AlertState]]) -> None:
    for name, state in heard:
        known.add(name) if state is FIRING else known.discard(name)
