"""Counters of conversations. Source: the platform's monitoring.conversation_figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationsRow:
    """One row per database with the platform.

    Of the `conversations` begun within a week, `drifting` have counters that differ
    from their messages.
    """

    KEY: ClassVar[tuple[str, ...]] = ()

    conversations: int
    drifting: int
