"""Keeps one target's report on row level security, and the sums it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.finding import TrackedFinding
from monitor.model.rls_report import RlsReport
from monitor.model.rows.exposed_relations import ExposedRelationRow
from monitor.model.rows.relation_size import SizeRow
from monitor.model.rows.stat_statements import StatementRow
from monitor.model.view import View
from monitor.rls.inventory import inventory
from monitor.rls.observed import observe
from monitor.rls.report import Figures, report
from monitor.rls.tax import taxes
from monitor.runtime.observed_book import ObservedBook

_Parts = tuple[object, ...]


class RlsBook:
    """The report as it stands; made anew only when a part of it changed.

    A state is published several times between two readings of the statements.
    """

    def __init__(self) -> None:
        self._sums = ObservedBook()
        self._parts: _Parts = ()
        self._report = RlsReport()

    def update(self, view: View, findings: Sequence[TrackedFinding]) -> RlsReport:
        """Return the report on what was seen and found."""
        parts = _parts(view, findings)
        if parts == self._parts:
            return self._report
        self._parts = parts
        figures = Figures(
            sums=self._sums.update(view),
            recent=observe(view),
            taxes=taxes(view),
            findings=findings,
        )
        self._report = report(view, figures)
        return self._report


def _parts(view: View, findings: Sequence[TrackedFinding]) -> _Parts:
    """Return what a report is made of; equal for equal reports, mostly by identity."""
    probes = view.probes
    return (
        _Same(view.readings.get((StatementRow, ""))),
        *(
            part
            for datname, catalog in view.catalogs.items()
            for part in (
                _Same(catalog),
                _Same(inventory(view, datname)),
                _Same(view.readings.get((ExposedRelationRow, datname))),
                _Same(view.readings.get((SizeRow, datname))),
            )
        ),
        probes,
        view.target.rls,
        view.server.capabilities,
        tuple((t.finding.id, t.state) for t in findings),
    )


class _Same:
    """Equal only to the very same value: readings are large and never change."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)
