"""What a statement should have changed, judged by looking at the server afterwards.

"No error" proves nothing: VACUUM without privilege succeeds with a warning, and a
failed DROP INDEX CONCURRENTLY has already taken the index from the planner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from monitor.postgres.acting import fetch, fetch_one
from monitor.postgres.session import Session

_POLL_SECONDS = 0.1

Facts = Mapping[str, str]
"""What was noted before the statement, as the journal keeps it."""


class Outcome(StrEnum):
    """What is there now: all of it, nothing of it, or a leftover."""

    DONE = "done"
    UNCHANGED = "unchanged"
    HALF = "half"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The outcome with what was seen. `index` is the index it is about, if any."""

    outcome: Outcome
    facts: Facts
    index: FoundIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIndex:
    """An index as it is called now."""

    oid: int
    schema: str
    name: str
    definition: str
    is_valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moments:
    vacuum: str
    analyze: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Oid:
    oid: int


class Effect(Protocol):
    """What a statement is for."""

    async def before(self, session: Session) -> Facts:
        """Return what must be remembered to judge later, also after a restart.

        Raises:
            TargetError: it cannot be read; then nothing may be done.
        """
        ...

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Return what is there now.

        Raises:
            TargetError: it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """A table's last ANALYZE or VACUUM moved. `seconds`: statistics come late."""

    oid: int
    column: str
    seconds: float

    async def before(self, session: Session) -> Facts:
        """Return when it was last done."""
        return {f"last {self.column}": await self._moment(session)}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Wait for the moment to move, as long as statistics may be late."""
        old = noted.get(f"last {self.column}", "")
        tries = max(1, round(self.seconds / _POLL_SECONDS))
        new = await self._moment(session)
        while new == old and tries:
            await asyncio.sleep(_POLL_SECONDS)
            new = await self._moment(session)
            tries -= 1
        outcome = Outcome.UNCHANGED if new == old else Outcome.DONE
        return Judgement(outcome=outcome, facts={f"{self.column} at": new})

    async def _moment(self, session: Session) -> str:
        found = await fetch_one(
            session,
            "look at statistics",
            """
            select
                coalesce(
                    pg_catalog.pg_stat_get_last_vacuum_time(%(oid)s::oid)::text, ''
                ) as vacuum,
                coalesce(
                    pg_catalog.pg_stat_get_last_analyze_time(%(oid)s::oid)::text, ''
                ) as analyze
            """,
            {"oid": self.oid},
            _Moments,
        )
        return getattr(found, self.column) if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """An index is gone. One that was invalid before cannot become half-done."""

    oid: int

    async def before(self, session: Session) -> Facts:
        """Return whether the index was valid."""
        found = await find(session, self.oid)
        return {"valid before": "yes" if found and found.is_valid else "no"}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Look for the index by its oid."""
        found = await find(session, self.oid)
        if found is None:
            return Judgement(outcome=Outcome.DONE, facts={"index": "gone"})
        if found.is_valid or noted.get("valid before") == "no":
            return Judgement(outcome=Outcome.UNCHANGED, facts={"index": "still there"})
        return Judgement(outcome=Outcome.HALF, facts={"index": "invalid"}, index=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A new, valid index of a name on a table.

    The indexes that were there before are noted, so that an invalid one found
    later is ours by its oid, whatever else of that kind lies around. `definition`
    is what it must be, where that is known.
    """

    relid: int
    name: str
    definition: str = ""

    async def before(self, session: Session) -> Facts:
        """Return the oids of the table's indexes."""
        oids = sorted(row.oid for row in await self._indexes(session))
        return {"indexes before": " ".join(map(str, oids))}

    async def judge(self, session: Session, noted: Facts) -> Judgement:
        """Look for the index that was not there before."""
        known = set(noted.get("indexes before", "").split())
        for row in await self._indexes(session):
            found = await find(session, row.oid)
            if str(row.oid) in known or found is None or found.name != self.name:
                continue
            return self._about(found)
        return Judgement(outcome=Outcome.UNCHANGED, facts={"index": "not there"})

    def _about(self, found: FoundIndex) -> Judgement:
        facts = {"index oid": str(found.oid)}
        if not found.is_valid:
            facts["index"] = "invalid"
            return Judgement(outcome=Outcome.HALF, facts=facts, index=found)
        facts["index"] = "valid"
        facts["definition"] = found.definition
        if self.definition:
            same = found.definition == self.definition
            facts["same definition"] = "yes" if same else "no"
        return Judgement(outcome=Outcome.DONE, facts=facts, index=found)

    async def _indexes(self, session: Session) -> list[_Oid]:
        return await fetch(
            session,
            "look at indexes",
            """
            select i.indexrelid as oid
            from pg_catalog.pg_index as i
            where i.indrelid = %(relid)s::oid
            """,
            {"relid": self.relid},
            _Oid,
        )


async def find(session: Session, oid: int) -> FoundIndex | None:
    """Return an index by its oid, under the name it has now; None if it is gone.

    Raises:
        TargetError: it cannot be read.
    """
    return await fetch_one(
        session,
        "look at the index",
        """
        select
            c.oid,
            n.nspname::text as schema,
            c.relname::text as name,
            pg_catalog.pg_get_indexdef(c.oid) as definition,
            i.indisvalid and i.indisready as is_valid
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where i.indexrelid = %(oid)s::oid
        """,
        {"oid": oid},
        FoundIndex,
    )
