"""Which alerts a silence covers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.model.silence import Matcher, Silence
from monitor.notifiers.silences import read_silences

LABELS = {"alertname": "PgvigilDeadlocks", "server": "orders"}


def silence(*matchers: Matcher) -> Silence:
    return Silence(id="1", matchers=matchers, until=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("matcher", "covers"),
    [
        (Matcher(name="server", value="orders"), True),
        (Matcher(name="server", value="order"), False),
        (Matcher(name="server", value="orders", is_equal=False), False),
        (Matcher(name="server", value="ord.*", is_regex=True), True),
        (Matcher(name="server", value="rd", is_regex=True), False),
        (Matcher(name="server", value="a|b", is_regex=True, is_equal=False), True),
        (Matcher(name="team", value=""), True),
        (Matcher(name="team", value="", is_equal=False), False),
        (Matcher(name="server", value="(", is_regex=True), False),
    ],
)
@pytest.mark.requirement("S8.1.2-g")
def test_a_matcher_is_alertmanager_s(matcher: Matcher, *, covers: bool) -> None:
    assert silence(matcher).covers(LABELS) is covers


def test_all_matchers_have_to_hold() -> None:
    first = Matcher(name="server", value="orders")

    assert silence(first, Matcher(name="server", value="x")).covers(LABELS) is False
    assert silence().covers(LABELS) is False


def test_active_silences_are_read_as_alertmanager_lists_them() -> None:
    def listed(state: str) -> dict[str, object]:
        return {
            "id": state,
            "status": {"state": state},
            "matchers": [
                {"name": "server", "value": "o", "isRegex": True, "isEqual": False}
            ],
            "createdBy": "kim\n",
            "comment": "known",
            "startsAt": "2026-03-01T00:00:00.000Z",
            "endsAt": "2026-03-02T00:00:00.000Z",
            "updatedAt": "2026-03-01T00:00:00.000Z",
        }

    (found,) = read_silences([listed("active"), listed("pending"), listed("expired")])

    assert found.until == datetime(2026, 3, 2, tzinfo=UTC)
    assert (found.id, found.comment) == ("active", "known")
    assert found.matchers == (
        Matcher(name="server", value="o", is_regex=True, is_equal=False),
    )


def test_an_answer_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="validation error"):
        read_silences({"error": "no"})
