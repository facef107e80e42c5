"""Rows of the lists that operators read: readings joined to the catalog's names.

Each module turns one target's view into entries, one row class and one function;
API, page and CLI show the same entries.
"""

from __future__ import annotations

import hashlib


def identity(*parts: object) -> str:
    """Return a stable id for a row, fit for a URL."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return a share between 0 and 1; None of nothing or of the unknown."""
    if part is None or not whole:
        return None
    return part / whole
