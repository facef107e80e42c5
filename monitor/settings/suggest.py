"""Finds the known name that a mistyped one was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches

_CUTOFF = 0.6
_FEW = 30
_PRINTABLE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def did_you_mean(
    name: str, known: Iterable[str], spelled: Callable[[str], str] = str
) -> str:
    """Return `Did you mean "x"?`, or the possible names when there are few.

    `spelled` gives the form in which the reader would write a name.
    """
    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=_CUTOFF)
    if close:
        return f'Did you mean "{spelled(lowered[close[0]])}"?'
    if len(names) > _FEW:
        return ""
    return f"Possible are: {', '.join(map(spelled, names))}."


def printable(key: str) -> str:
    """Return a key as it may be shown.

    A value that slipped into a key's place (`targets: {postgresql://…}`) is not.
    """
    return key if _PRINTABLE.fullmatch(key) else "(not a name)"
