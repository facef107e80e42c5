"""A silence that somebody made in Alertmanager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on a label; an absent label is an empty one."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether it holds; a pattern that cannot be read never does.

        Alertmanager's patterns are RE2's, whose common part Python shares.
        """
        found = labels.get(self.name, "")
        if not self.is_regex:
            return (found == self.value) is self.is_equal
        try:
            return bool(re.fullmatch(self.value, found)) is self.is_equal
        except re.error:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """An active silence: until when, by whom and why."""

    id: str
    matchers: tuple[Matcher, ...]
    until: datetime
    by: str = ""
    comment: str = ""

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Say whether an alert with these labels is silenced by it."""
        return bool(self.matchers) and all(m.matches(labels) for m in self.matchers)
