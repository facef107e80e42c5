"""Text of the exposition formats: names, label values, numbers, HELP.

Whatever a database holds must not break a page or the terminal of whoever reads
it: controls, bidirectional marks and lone surrogates become U+FFFD, long text is
cut. Numbers read the same in text 0.0.4 and OpenMetrics 1.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from numbers import Real
from typing import cast

LONGEST_LABEL = 512
"""Characters of a label value that are kept; names in PostgreSQL have 63 bytes."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\uffff]"
)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LARGEST_EXACT = 2**63


def harmless(value: str) -> str:
    """Return text without what could disturb a parser, a terminal or a page."""
    if len(value) > LONGEST_LABEL:
        value = value[: LONGEST_LABEL - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return value if value.isprintable() else _HARMFUL.sub(_REPLACEMENT, value)


def escaped(value: object) -> str:
    """Return a cell as the inside of a quoted label value; None is empty."""
    text = harmless(_plain(value))
    if '"' in text or "\\" in text or "\n" in text:
        return text.translate(_ESCAPES)
    return text


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case bytes():
            return value.decode(errors="replace")
        case list() | tuple():
            return ",".join(map(_plain, cast("Sequence[object]", value)))
        case _:
            return str(value)


def number(value: object) -> str | None:
    """Return a cell as a sample's value; None for NULL and for what is no number.

    Integers keep all digits up to 64 bits; beyond, the nearest double is
    written, because Go refuses a whole page over a number out of range.
    Moments become seconds since the epoch, durations seconds.
    """
    match value:
        case bool():
            return str(int(value))
        case int() if -_LARGEST_EXACT <= value < _LARGEST_EXACT:
            return str(value)
        case datetime():
            return repr(
                (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
            )
        case timedelta():
            return repr(value.total_seconds())
        case Decimal() | Real():
            return _double(value)
        case _:
            return None


def _double(value: Decimal | Real) -> str:
    try:
        double = float(value)
    except OverflowError:
        double = math.inf if value > 0 else -math.inf  # pyright: ignore[reportOperatorIssue]
    except ValueError:  # a signalling NaN
        double = math.nan
    if math.isfinite(double):
        return repr(double)
    if math.isnan(double):
        return "NaN"
    return "+Inf" if double > 0 else "-Inf"


def metric_name(raw: str) -> str:
    """Return a legal metric name; every other character becomes `_`."""
    name = re.sub(r"[^a-zA-Z0-9_:]", "_", raw) or "_"
    return f"_{name}" if name[0].isdigit() else name


def label_name(raw: str) -> str:
    """Return a legal label name; `__…` belongs to Prometheus and loses one `_`."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", raw) or "_"
    name = f"_{name}" if name[0].isdigit() else name
    return f"_{name.lstrip('_')}" if name.startswith("__") else name


def help_text(text: str, *, openmetrics: bool) -> str:
    """Return HELP in one line; only OpenMetrics escapes quotes."""
    escapes = _ESCAPES if openmetrics else _HELP_ESCAPES
    return harmless(text).translate(escapes)


def joined(labels: Iterable[tuple[str, str]]) -> str:
    """Return `name="value"` pairs with commas; values are escaped already.

    An empty value is left out: to Prometheus it is no label at all.
    """
    return ",".join(f'{name}="{value}"' for name, value in labels if value)


def own_names(facts: Iterable[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return the operator's labels under names that `facts` do not use.

    The fact keeps its name, since dashboards and rules rely on it; the
    operator's label of that name is seen as `exported_NAME` on that series.
    """
    taken = set(facts)
    result: dict[str, str] = {}
    for raw, value in labels.items():
        name = free_name(label_name(raw), taken)
        taken.add(name)
        result[name] = value
    return result


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, with `exported_` in front until it is free."""
    while name in taken:
        name = f"exported_{name}"
    return name
