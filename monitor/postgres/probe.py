"""Finding out what a server is and what our role may do there.

Once at start and hourly, one round trip. Whatever may be refused is asked on its
own; what cannot be found out disables its feature and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from monitor.errors import TargetError
from monitor.model.server import (
    OLDEST_SUPPORTED_MAJOR,
    Extension,
    Pooler,
    Server,
)
from monitor.postgres import probe_facts, providers
from monitor.postgres.capabilities import Situation, capabilities, parse_version
from monitor.postgres.probe_facts import (
    Answers,
    DatabaseRow,
    ExtensionRow,
    Facts,
    IdentityRow,
    MarkerRow,
    StatisticsRow,
)
from monitor.postgres.request import Reply, Request
from monitor.postgres.session import Session

T = TypeVar("T")

PROBE_SECONDS = 10.0


async def probe(session: Session) -> Server:
    """Ask a server what it is, in one round trip.

    Raises:
        TargetError: it did not answer, or is too old.
    """
    replies = await session.run_all(questions(), seconds=PROBE_SECONDS)
    return server_from(answers_from(replies), session.pooler)


def questions() -> tuple[Request, ...]:
    """Return what a probe asks; `answers_from` reads the replies, in this order."""
    return (
        probe_facts.FACTS,
        probe_facts.EXTENSIONS,
        probe_facts.DATABASES,
        probe_facts.SYSTEM_IDENTIFIER,
        probe_facts.PRIMARY_TIMELINE,
        probe_facts.STANDBY_TIMELINE,
        probe_facts.STATISTICS,
        probe_facts.markers_request(providers.markers()),
    )


def answers_from(replies: Sequence[Reply]) -> Answers:
    """Return what the replies say, in the order they were asked for.

    Raises:
        TargetError: the server did not even tell its version.
    """
    facts, extensions, databases, identity, primary, standby, statistics, markers = (
        replies
    )
    if facts.error is not None:
        raise facts.error
    known = _rows(facts, Facts)
    if not known:
        raise TargetError("the server does not know the role that is connected")
    counted = _rows(statistics, StatisticsRow)
    return Answers(
        facts=known[0],
        extensions=_rows(extensions, ExtensionRow),
        databases=tuple(row.datname for row in _rows(databases, DatabaseRow)),
        system_identifier=_value(identity),
        timeline=timeline_from(_value(primary) or _value(standby)),
        statistics=counted[0] if counted else None,
        markers=frozenset(_rows(markers, MarkerRow)),
    )


def server_from(answers: Answers, pooler: Pooler) -> Server:
    """Return the server that the answers describe.

    A major version newer than we know is taken as it is; `is_newer_than_known`
    says so.

    Raises:
        TargetError: it is too old.
    """
    facts = answers.facts
    if facts.version_num // 10000 < OLDEST_SUPPORTED_MAJOR:
        raise TargetError(
            f"PostgreSQL {facts.version} is not supported",
            hint=f"pgvigil watches PostgreSQL {OLDEST_SUPPORTED_MAJOR} and newer.",
        )
    provider = providers.recognise(answers.markers, providers.providers())
    situation = Situation(answers=answers, pooler=pooler, provider=provider)
    return Server(
        version_num=facts.version_num,
        version=facts.version,
        role=facts.role,
        database=facts.database,
        is_superuser=facts.is_superuser,
        bypasses_rls=facts.bypasses_rls,
        is_standby=facts.is_standby,
        system_identifier=answers.system_identifier,
        timeline=answers.timeline,
        started_at=facts.started_at,
        pooler=pooler,
        provider=provider.name if provider else providers.SELF_HOSTED,
        databases=answers.databases,
        extensions={
            e.name: Extension(e.name, e.schema, parse_version(e.version))
            for e in answers.extensions
        },
        capabilities=capabilities(situation),
    )


def timeline_from(text: str | None) -> int | None:
    """Return a timeline from its hexadecimal form; None if that is unknown."""
    return int(text, 16) if text else None


def _value(reply: Reply) -> str | None:
    rows = _rows(reply, IdentityRow)
    return rows[0].value if rows else None


def _rows(reply: Reply, kind: type[T]) -> tuple[T, ...]:
    return tuple(row for row in reply.rows if isinstance(row, kind))
