"""Counters of the platform's conversations differ from their messages.

## Meaning

Triggers count messages, tokens and cost of a conversation as messages come and go.
Of conversations begun within the last seven days some say something else than their
messages do.

## If ignored

Dashboards and bills show what did not happen. Something wrote messages or
conversations while triggers were off, and probably still does.

## How to look

Run `select * from monitoring.reconcile_conversations()` in the platform's database, as
its owner: one row for each conversation whose counters differ.

## How to fix

Find what writes past the triggers: a load with triggers disabled, or with
session_replication_role set to replica. Then set the counters of those conversations
to what reconcile_conversations() says; the remedy does it for the last week's.

## How to silence

Raise `thresholds.counter_drift.min_conversations`, or set `.enabled` to false.

## Thresholds

`min_conversations`: one is enough. Looked at every six hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.model.finding import Evidence, Finding, ObjectRef, Remedy, Severity
from monitor.model.rows.conversations import ConversationsRow
from monitor.model.threshold import Parameters
from monitor.model.units import number
from monitor.model.view import View

UNIT = "conversations"
SEVERITIES = (Severity.WARNING,)
NEEDS = (ConversationsRow,)

_REMEDY = """\
update public.conversations as c
set
    message_count = r.messages,
    total_tokens = r.tokens,
    estimated_cost = r.cost,
    last_sequence = greatest(c.last_sequence, r.highest_number)
from monitoring.reconcile_conversations() as r
where
    r.conversation_id = c.id
    and c.started_at > now() - interval '7 days';"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds(Parameters):
    """How many conversations count."""

    min_conversations: float = 1


def check(view: View, thresholds: Thresholds) -> Iterator[Finding]:
    """Yield one finding per platform with counters that drift."""
    for datname, rows in view.per_database(ConversationsRow):
        for row in rows:
            if row.drifting < thresholds.min_conversations:
                continue
            yield Finding(
                severity=Severity.WARNING,
                database=datname,
                object=ObjectRef("table", "public", "conversations"),
                summary=(
                    f"counters of {number(row.drifting)} conversations differ from "
                    "their messages"
                ),
                evidence=(
                    Evidence("drifting", row.drifting, "conversations"),
                    Evidence("looked at", row.conversations, "conversations"),
                ),
                unknowns=("How it is with conversations that began earlier.",),
                remedy=Remedy(
                    sql=_REMEDY,
                    lock="RowExclusiveLock",
                    risk="Reads all messages once. What drifted can drift again.",
                ),
                value=float(row.drifting),
            )
