"""Keeps one target's continuous estimates: adds each new reading's rows to them."""

from __future__ import annotations

from monitor.model.catalog import Catalog
from monitor.model.rls import Estimate
from monitor.model.rows.stat_user_tables import TableRow
from monitor.model.snapshot import Reading
from monitor.model.view import View
from monitor.rls.estimate import Tally, advance, inputs_of
from monitor.rls.loads import database_loads
from monitor.rls.survey import lineage


class EstimateBook:
    """The tallies of one target; one caller at a time, in any thread."""

    def __init__(self) -> None:
        self._tallies: dict[str, dict[int, Tally]] = {}
        self._read: dict[str, float] = {}

    def update(self, view: View) -> tuple[Estimate, ...]:
        """Take in what was read since the last call; return all estimates."""
        for datname in self._tallies.keys() - view.catalogs.keys():
            del self._tallies[datname]
        for datname, catalog in view.catalogs.items():
            reading = view.readings.get((TableRow, datname))
            if reading is None or self._read.get(datname) == reading.monotonic:
                continue
            self._read[datname] = reading.monotonic
            self._tallies[datname] = self._advanced(view, catalog, reading)
        return tuple(
            _estimate(view.catalogs[datname], relid, tally)
            for datname, tallies in self._tallies.items()
            for relid, tally in tallies.items()
            if relid in view.catalogs[datname].relations
        )

    def _advanced(
        self, view: View, catalog: Catalog, reading: Reading[TableRow]
    ) -> dict[int, Tally]:
        datname = catalog.datname
        before = self._tallies.get(datname, {})
        loads = database_loads(view, datname)
        after: dict[int, Tally] = {}
        for relid, counter in _counters(catalog, reading).items():
            costs = [
                cost
                for cost in view.probes.unit_costs
                if (cost.table.database, cost.table.relid) == (datname, relid)
            ]
            inputs = inputs_of(
                loads.of(relid) if loads else None,
                loads.analysed if loads else 0.0,
                costs,
                now=view.now,
                interval=view.target.rls.interval,
            )
            epoch = reading.epoch
            old = before.get(relid) or Tally(epoch=epoch, counter=counter)
            after[relid] = advance(
                old, epoch=epoch, counter=counter, inputs=inputs, costs=costs
            )
        return after


def _counters(catalog: Catalog, reading: Reading[TableRow]) -> dict[int, int]:
    """Return how many rows scans have returned, for tables under row level security.

    A partitioned table has those of its partitions.
    """
    found = {oid: 0 for oid, r in catalog.relations.items() if r.has_rls}
    for row in reading.rows if found else ():
        rows = row.seq_tup_read_total + (row.idx_tup_fetch_total or 0)
        for relid in lineage(catalog, row.oid):
            if relid in found:
                found[relid] += rows
    return found


def _estimate(catalog: Catalog, relid: int, tally: Tally) -> Estimate:
    relation, inputs = catalog.relations[relid], tally.inputs
    return Estimate(
        database=catalog.datname,
        relid=relid,
        schemaname=relation.schemaname,
        relname=relation.relname,
        rows_examined_total=tally.rows,
        share=inputs.share,
        row_cost=inputs.row_cost,
        seconds_total=None if inputs.row_cost is None else tally.seconds,
        quality=inputs.quality,
        reason=inputs.reason,
    )
