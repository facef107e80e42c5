"""Which share of a table to count, so that a probe is both short and telling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg import sql

from monitor.model.persona import RlsOptions
from monitor.model.rls import Guarded
from monitor.postgres.request import Request

LEAST_ROWS = 20
"""A sample of fewer rows tells nothing."""

# Up to this many pages a table is read whole and its rows are drawn one by one;
# a larger one is drawn by pages, of which fewer than these would be a poor draw.
_READ_WHOLE_PAGES = 128
_LEAST_PAGES = 3
# An execution of this length is long enough to be told from the clock's jitter, and
# short enough to be left alone by other processes now and then.
_GOOD_SECONDS = 0.02
_GOOD_ROWS = 1_000
# What a statement may take of its time limit, so that noise does not end it.
_SHARE_OF_LIMIT = 0.4
_LESS = 20
_RATIO = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A repeatable share of a table's rows: the larger one contains the smaller."""

    schemaname: str
    relname: str
    percent: float
    by_page: bool
    seed: int

    @property
    def request(self) -> Request:
        """Return the count of its rows, timed.

        Only a table can be sampled: a view that has taken the table's name is
        refused, and with it the functions in it.
        """
        statement = (
            "explain (analyze, timing off, buffers off, format json)"
            " select pg_catalog.count(*) from {}"
            " tablesample pg_catalog.system ({}) repeatable ({})"
            if self.by_page
            else "explain (analyze, timing off, buffers off, format json)"
            " select pg_catalog.count(*) from {}"
            " tablesample pg_catalog.bernoulli ({}) repeatable ({})"
        )
        return Request(
            name="probe_sample",
            sql=sql.SQL(statement).format(
                sql.Identifier(self.schemaname, self.relname),
                sql.Literal(self.percent),
                sql.Literal(self.seed),
            ),
        )

    def of(self, percent: float) -> Sample:
        """Return another share of the same table."""
        return replace(self, percent=min(100.0, max(percent, 1e-6)))

    @property
    def less(self) -> Sample:
        """Return a much smaller share, for policies that take too long."""
        return self.of(self.percent / _LESS)


def first_sample(
    table: Guarded, options: RlsOptions, *, rows: int, pages: int, seed: int
) -> Sample:
    """Return the sample to begin with; `rows` and `pages` are the catalog's."""
    by_page = not 0 < pages <= _READ_WHOLE_PAGES
    percent = 100.0 * options.small_sample / max(rows, 1)
    return Sample(
        schemaname=table.schemaname,
        relname=table.relname,
        percent=min(100.0, max(percent, _least(pages, by_page=by_page))),
        by_page=by_page,
        seed=seed,
    )


def sized(
    tried: Sample,
    options: RlsOptions,
    *,
    rows: int,
    seconds: float,
    pages: int,
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
    least = _least(pages, by_page=tried.by_page)
    small = min(large.percent / 2, max(large.percent / _RATIO, least))
    return tried.of(small), large


def longest(options: RlsOptions) -> timedelta:
    """Return how long all the samples of one table can take at most."""
    return options.statement_timeout * (4 * options.pairs + 4)


def _least(pages: int, *, by_page: bool) -> float:
    return 100.0 * _LEAST_PAGES / pages if by_page and pages > 0 else 0.0
