"""Which share of a table to count, so that a probe is both short and telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, LiteralString

from psycopg import sql

from monitor.model.persona import RlsOptions
from monitor.model.rls import Guarded
from monitor.postgres.request import Request
from monitor.probes.recorded import EXPLAIN

LEAST_ROWS = 20
"""A sample of fewer rows tells nothing."""

# Up to this many pages a table is read whole and its rows are drawn one by one;
# a larger one is drawn by pages, of which fewer than these would be a poor draw.
_READ_WHOLE_PAGES = 128
_LEAST_PAGES = 3
# An execution of this length is long enough to be told from the clock's jitter, and
# short enough to be left alone by other processes now and then.
_GOOD_SECONDS = 0.003
_GOOD_ROWS = 250
# What a statement may take of its time limit, so that noise does not end it.
_SHARE_OF_LIMIT = 0.4
_LESS = 20
_RATIO = 10


Method = Literal["pages", "system", "bernoulli"]
"""How rows are drawn: neighbouring pages, or what TABLESAMPLE offers."""

# What changes from sample to sample is a parameter: before 16 pg_stat_statements
# keeps an EXPLAIN with other literals as another statement, and there is a limit to
# how many it keeps of the application's.
# A view that has taken the table's name is refused with the sub-select, which is not
# executed: functions in it would run with the rights of the side without policies.
_PAGES: LiteralString = (
    "with only_a_table as (select from {table} tablesample pg_catalog.system (0))"
    " select pg_catalog.count(*) from {table} as t"
    " where t.ctid >= %(start)s::tid and t.ctid < %(end)s::tid"
)
_STATEMENTS: Mapping[Method, LiteralString] = {
    "pages": _PAGES,
    "system": (
        "select pg_catalog.count(*) from {table}"
        " tablesample pg_catalog.system (%(percent)s) repeatable (%(seed)s)"
    ),
    "bernoulli": (
        "select pg_catalog.count(*) from {table}"
        " tablesample pg_catalog.bernoulli (%(percent)s) repeatable (%(seed)s)"
    ),
}
# A fraction whose multiples are spread evenly: each seed starts somewhere else.
_STEP = 0.618033988749895


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A repeatable share of a table's rows: the larger one contains the smaller.

    Neighbouring pages are read as a scan of the table reads them; the scans of
    TABLESAMPLE made policies of 0.1 us a row seem a third dearer.
    """

    schemaname: str
    relname: str
    percent: float
    method: Method
    pages: int
    seed: int

    @property
    def request(self) -> Request:
        """Return the count of its rows, timed."""
        count = max(1, round(self.pages * self.percent / 100))
        start = min(int(self.seed * _STEP % 1 * self.pages), max(0, self.pages - count))
        # Among parameters the driver takes a single % for the start of one.
        names = (n.replace("%", "%%") for n in (self.schemaname, self.relname))
        statement = sql.SQL(_STATEMENTS[self.method]).format(
            table=sql.Identifier(*names)
        )
        known = {"start": f"({start},0)", "end": f"({start + count},0)"}
        if self.method != "pages":
            known = {"percent": self.percent, "seed": self.seed}
        return Request(
            name="probe_sample", sql=sql.SQL(EXPLAIN) + statement, parameters=known
        )

    def of(self, percent: float) -> Sample:
        """Return another share of the same table."""
        return replace(self, percent=min(100.0, max(percent, 1e-6)))

    @property
    def less(self) -> Sample:
        """Return a much smaller share, for policies that take too long."""
        return self.of(self.percent / _LESS)

    @property
    def by_tablesample(self) -> Sample:
        """Return the same share drawn by the server, whose plan has no alternative."""
        whole = 0 < self.pages <= _READ_WHOLE_PAGES
        return replace(self, method="bernoulli" if whole else "system")

    @property
    def least_percent(self) -> float:
        """Return the share below which the draw of pages would be a poor one."""
        is_drawn = self.method != "bernoulli" and self.pages > 0
        return 100.0 * _LEAST_PAGES / self.pages if is_drawn else 0.0


def first_sample(
    table: Guarded,
    options: RlsOptions,
    *,
    rows: int,
    pages: int,
    seed: int,
    has_page_ranges: bool,
) -> Sample:
    """Return the sample to begin with; `rows` and `pages` are the catalog's.

    `has_page_ranges` says that the table can be read by ranges of pages.
    """
    sample = Sample(
        schemaname=table.schemaname,
        relname=table.relname,
        percent=100.0 * options.small_sample / max(rows, 1),
        method="pages",
        pages=pages,
        seed=seed,
    )
    if not has_page_ranges or pages <= 0:
        sample = sample.by_tablesample
    return sample.of(max(sample.percent, sample.least_percent))


def sized(
    tried: Sample, options: RlsOptions, *, rows: int, seconds: float
) -> tuple[Sample, Sample]:
    """Return the small and the large sample to time.

    `rows` and `seconds` are what a first sample gave under policies: the dearer
    the policies, the fewer rows it takes to time them.
    """
    per_row = max(seconds / rows, 1e-9)
    good = max(_GOOD_ROWS, _GOOD_SECONDS / per_row)
    limit = _SHARE_OF_LIMIT * options.statement_timeout.total_seconds() / per_row
    wanted = min(options.large_sample, good, limit)
    large = tried.of(tried.percent * wanted / rows)
    small = max(large.percent / _RATIO, tried.least_percent)
    return tried.of(min(large.percent / 2, small)), large
