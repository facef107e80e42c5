"""One target's metrics as a page, at the price of what changed since the last one.

The target loop calls `absorb` for each delta, and `render` after each cycle in a
worker thread, one at a time. Nothing here talks to a server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from monitor.exporters.bundle import Bundle
from monitor.exporters.deflate import Press
from monitor.exporters.page import Claims, Family, MergedPage, Page, merge
from monitor.exporters.selection import Selection, by_sheet
from monitor.exporters.series import LIMITS, Part, SeriesLimits
from monitor.model.delta import Delta
from monitor.model.snapshot import Sheet
from monitor.model.target import Target

__all__ = ["MergedPage", "SeriesLimits", "TargetExporter", "TargetExposition", "merge"]


class TargetExposition(Page):
    """One target's page.

    `dropped` counts, by sheet and since the exporter started, the series that
    renderings had to leave out: caps, repeated labels, names already taken.
    `failed` says which sheets could not be read this time, and why.
    """

    def __init__(
        self,
        families: Iterable[Family],
        *,
        dropped: Mapping[str, int],
        failed: Mapping[str, str],
    ) -> None:
        """Take families of different names."""
        super().__init__(families)
        self.dropped = MappingProxyType(dict(dropped))
        self.failed = MappingProxyType(dict(failed))


class TargetExporter:
    """Renders one target's sheets; keeps ledgers and rendered chunks in between."""

    def __init__(self, target: Target, limits: SeriesLimits | None = None) -> None:
        """Serve one target, within the limits of its profile unless given others."""
        self._target = target
        self._selection = Selection(limits or LIMITS[target.profile])
        self._bundles: dict[str, Bundle] = {}
        self._lost: Counter[str] = Counter()
        self._press = Press()

    def absorb(self, delta: Delta[Any]) -> None:
        """Note a delta for the next rendering; each must come exactly once.

        Cheap and safe to call while another thread renders.
        """
        self._selection.absorb(delta)

    def forget(self, datname: str) -> None:
        """Forget the sums of a database that is gone; safe like `absorb`."""
        self._selection.forget(datname)

    def render(self, sheets: Sequence[Sheet]) -> TargetExposition:
        """Return the page of these sheets; those not given are forgotten."""
        groups = by_sheet(self._selection.parts(sheets))
        self._bundles = {
            name: self._bundles.get(name) or Bundle(self._target) for name in groups
        }
        failed: dict[str, str] = {}
        claims = Claims()
        families: list[Family] = []
        for name, parts in groups.items():
            for family in self._bundle(name, parts, failed):
                if claims.take(family):
                    families.append(family)
                else:
                    self._lost[name] += family.series
        dropped = self._selection.dropped + self._lost  # leaves out what is 0
        return TargetExposition(families, dropped=dropped, failed=failed)

    def _bundle(
        self, name: str, parts: Sequence[Part], failed: dict[str, str]
    ) -> tuple[Family, ...]:
        """Return one query's families; one that cannot be read costs only itself."""
        bundle = self._bundles[name]
        try:
            families = bundle.families(parts, self._press)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            # Half-read chunks must not be taken for read ones next time.
            del self._bundles[name]
            failed[name] = f"{type(error).__name__}: {error}"
            self._lost[name] += sum(len(part.rows) * part.width for part in parts)
            return ()
        self._lost[name] += bundle.repeated
        return families
