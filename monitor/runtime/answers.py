"""What the server said when asked whether policies would filter a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.rls.rounds import Asked

MOST_KEPT = 5_000


class Answers:
    """The answers of one target; one that was asked in vain is not asked again.

    They hold until any policy of their database changes.
    """

    def __init__(self) -> None:
        self._answers: dict[Asked, bool | None] = {}
        self._policies: dict[str, str] = {}

    @property
    def given(self) -> Mapping[Asked, bool]:
        """Return the answers there are."""
        return {asked: a for asked, a in self._answers.items() if a is not None}

    def __contains__(self, asked: object) -> bool:
        return asked in self._answers

    def take(
        self,
        database: str,
        role: str,
        queryids: Iterable[int],
        answers: Mapping[int, bool],
    ) -> None:
        """Take the answers on these statements; undecided ones are not among them."""
        for queryid in queryids:
            self._answers[database, queryid, role] = answers.get(queryid)
        for asked in list(self._answers)[: max(0, len(self._answers) - MOST_KEPT)]:
            del self._answers[asked]

    def void(self, policies: Mapping[str, str]) -> None:
        """Forget the answers of databases whose policies are no longer the same."""
        changed = {
            datname
            for datname, known in policies.items()
            if self._policies.get(datname, known) != known
        }
        self._policies |= policies
        for asked in [asked for asked in self._answers if asked[0] in changed]:
            del self._answers[asked]
