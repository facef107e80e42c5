"""Which dashboard has the figures behind a check's findings."""

from __future__ import annotations

import re

from monitor import resources


def uid_of(check: str) -> str:
    """Return the uid of the dashboard about a check, the narrowest of several.

    The overview's where none is.
    """
    patterns = {
        name: module.CHECKS
        for name, module in resources.modules("dashboards", "CHECKS").items()
    }
    found = [
        name
        for name, checks in patterns.items()
        if any(re.fullmatch(pattern, check) for pattern in checks)
    ]
    return f"pgvigil-{min(found, key=lambda n: len(patterns[n]), default='overview')}"
