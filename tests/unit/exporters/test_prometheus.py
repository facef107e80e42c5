import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.exporters.chunks import ROWS
from monitor.exporters.prometheus import TargetExporter, TargetExposition
from monitor.exporters.series import SeriesLimits
from monitor.model.snapshot import Column, Kind, Sheet
from tests.unit.exporters import example
from tests.unit.exporters.example import TableRow

SMALL = SeriesLimits(places=2, per_family=1_000, per_target=1_000)

SHEET = example.custom(
    "stat_archiver",
    [
        Column("slot", Kind.LABEL, ""),
        Column("archived_total", Kind.COUNTER, 'WAL files "done".'),
        Column("age_seconds", Kind.GAUGE, "Age."),
    ],
    [("a\\b", 3, 0.5), ('c"d', 4, None)],
    datname="app",
)

GOLDEN = r"""# HELP pg_stat_archiver_archived_total WAL files "done".
# TYPE pg_stat_archiver_archived_total counter
pg_stat_archiver_archived_total{slot="a\\b",server="main",datname="app",team="dba"} 3
pg_stat_archiver_archived_total{slot="c\"d",server="main",datname="app",team="dba"} 4
# HELP pg_stat_archiver_age_seconds Age.
# TYPE pg_stat_archiver_age_seconds gauge
pg_stat_archiver_age_seconds{slot="a\\b",server="main",datname="app",team="dba"} 0.5
"""

GOLDEN_OPENMETRICS = (
    GOLDEN.replace("P pg_stat_archiver_archived_total", "P pg_stat_archiver_archived")
    .replace("E pg_stat_archiver_archived_total", "E pg_stat_archiver_archived")
    .replace('"done"', r"\"done\"")
    + "# EOF\n"
)


def _render(*sheets: Sheet, labels: dict[str, str] | None = None) -> TargetExposition:
    return TargetExporter(example.target(labels=labels)).render(sheets)


def test_a_small_page_in_the_plain_format() -> None:
    page = _render(SHEET, labels={"team": "dba"})

    assert example.text(page) == GOLDEN


def test_a_small_page_in_openmetrics() -> None:
    page = _render(SHEET, labels={"team": "dba"})

    body = page.body(openmetrics=True, compressed=False).decode()

    assert body == GOLDEN_OPENMETRICS


def test_both_formats_hold_the_same_samples() -> None:
    page = _render(SHEET, example.gauge("other", {1: 2.5, 2: -1}))

    assert example.openmetrics_samples(page) == example.samples(page)
    assert page.series == len(example.samples(page)) == 5


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_compressed_page_is_one_gzip_member(*, openmetrics: bool) -> None:
    page = _render(example.gauge("many", {n: n * 1.5 for n in range(3 * ROWS)}))

    body = page.body(openmetrics=openmetrics, compressed=True)

    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    plain = reader.decompress(body)
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert plain == gzip.decompress(body)
    assert plain == page.body(openmetrics=openmetrics, compressed=False)


def test_null_is_no_sample_and_a_family_without_samples_has_no_header() -> None:
    page = _render(example.gauge("empty", {"a": None}))

    assert example.text(page) == ""
    assert page.series == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "1"),
        (Decimal("1.50"), "1.5"),
        (2**53 + 1, "9007199254740993"),
        (10**400, "+Inf"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
        (3, "3"),
    ],
)
def test_values_of_every_kind_are_written_alike_alone_and_in_a_mixed_chunk(
    value: object, expected: str
) -> None:
    page = _render(example.gauge("m", {"a": value, "b": None, "c": 1}))

    assert f'pg_m_value{{x="a",server="main"}} {expected}\n' in example.text(page)
    assert 'pg_m_value{x="c",server="main"} 1\n' in example.text(page)


def test_a_percent_sign_in_a_label_is_no_template() -> None:
    page = _render(example.gauge("m", {"100 %s %d %%": 1}))

    assert example.values(page, "pg_m_value", "x") == {"100 %s %d %%": 1}


def test_a_column_keeps_its_name_and_the_operators_label_yields() -> None:
    page = _render(example.gauge("m", {"a": 1}), labels={"x": "mine", "env": "prod"})

    (labels,) = (dict(labels) for _, labels in example.samples(page))
    expected = {"x": "a", "exported_x": "mine", "env": "prod", "server": "main"}
    assert labels == expected


def test_a_column_called_server_never_hides_the_target() -> None:
    columns = (Column("server", Kind.LABEL, ""), Column("value", Kind.GAUGE, ""))

    page = _render(example.custom("m", columns, [("x", 1)]))

    (labels,) = (dict(labels) for _, labels in example.samples(page))
    assert labels == {"server": "main", "exported_server": "x"}


def test_a_columns_own_datname_is_not_repeated() -> None:
    columns = (Column("datname", Kind.LABEL, ""), Column("value", Kind.GAUGE, ""))

    page = _render(example.custom("m", columns, [("mine", 1)], datname="app"))

    assert example.values(page, "pg_m_value", "datname") == {"mine": 1}


def test_repeated_labels_are_left_out_and_counted() -> None:
    columns = (Column("x", Kind.LABEL, ""), Column("value", Kind.GAUGE, ""))
    rows = [("a", 1), ("b", 2), ("a", 3), ("\x01", 4), ("\x02", 5)]

    page = _render(example.custom("m", columns, rows))

    assert example.values(page, "pg_m_value", "x") == {"a": 1, "b": 2, "\ufffd": 4}
    assert page.dropped == {"m": 2}


def test_a_row_is_back_when_its_double_is_gone() -> None:
    columns = (Column("x", Kind.LABEL, ""), Column("value", Kind.GAUGE, ""))
    exporter = TargetExporter(example.target())
    exporter.render([example.custom("m", columns, [("a", 1), ("a", 2)])])

    page = exporter.render([example.custom("m", columns, [("c", 1), ("a", 2)])])

    assert example.values(page, "pg_m_value", "x") == {"c": 1, "a": 2}


def test_repeated_labels_are_found_across_databases() -> None:
    columns = (Column("datname", Kind.LABEL, ""), Column("value", Kind.GAUGE, ""))
    sheets = [
        example.custom("m", columns, [("same", 1)], datname=name)
        for name in ("app", "web")
    ]

    page = _render(*sheets)

    assert example.values(page, "pg_m_value", "datname") == {"same": 1}
    assert page.dropped == {"m": 1}


def test_families_of_several_databases_are_contiguous() -> None:
    sheets = [
        example.gauge(name, {"a": 1}, datname=datname)
        for datname in ("app", "web")
        for name in ("first", "second")
    ]

    lines = example.text(_render(*sheets)).splitlines()

    families = [line.split("{")[0] for line in lines if not line.startswith("#")]
    assert families == ["pg_first_value"] * 2 + ["pg_second_value"] * 2
    assert len([line for line in lines if line.startswith("# TYPE")]) == 2


def test_a_family_whose_name_is_taken_is_left_out_and_counted() -> None:
    columns = (Column("c", Kind.GAUGE, ""),)
    same = (Column("b_c", Kind.GAUGE, ""),)

    page = _render(
        example.custom("a_b", columns, [(1,)]), example.custom("a", same, [(2,)])
    )

    assert example.values(page, "pg_a_b_c", "server") == {"main": 1}
    assert page.dropped == {"a": 1}


def test_a_name_that_only_openmetrics_finds_taken_is_left_out_of_both() -> None:
    columns = (Column("n_total", Kind.COUNTER, ""), Column("n", Kind.GAUGE, ""))

    page = _render(example.custom("m", columns, [(1, 2)]))

    assert example.openmetrics_samples(page) == example.samples(page)
    assert page.dropped == {"m": 1}


def test_strange_column_names_become_legal_ones() -> None:
    columns = (Column("My Label", Kind.LABEL, ""), Column("0 %", Kind.GAUGE, ""))

    page = _render(example.custom("m", columns, [("a", 1)]))

    assert example.values(page, "pg_m_0__", "My_Label") == {"a": 1}


def test_a_sheet_that_cannot_be_read_costs_only_itself() -> None:
    broken = replace(example.gauge("broken", {"a": 1}), cells=_refuse)

    page = _render(broken, example.gauge("good", {"a": 1}))

    assert example.values(page, "pg_good_value", "x") == {"a": 1}
    assert page.failed == {"broken": "KeyError: \"no such relation: ('a', 1)\""}
    assert page.dropped == {"broken": 1}


def _refuse(row: object) -> tuple[object, ...]:
    raise KeyError(f"no such relation: {row!s}")


# Caches


class _Counting:
    """Reads cells and counts how often."""

    def __init__(self, read: Callable[[Any], tuple[object, ...]]) -> None:
        self.read = read
        self.calls = 0

    def __call__(self, row: object) -> tuple[object, ...]:
        self.calls += 1
        return self.read(row)


def _rows(number: int) -> list[TableRow]:
    return [TableRow(relname=f"t{n}", scans_total=n) for n in range(number)]


def _pieces(page: TargetExposition, family: str) -> tuple[object, ...]:
    return next(f.pieces for f in page.families if f.name == family)


def test_an_unchanged_row_is_not_read_again() -> None:
    counting = _Counting(example.cells)
    rows = _rows(2 * ROWS)
    exporter = TargetExporter(example.target())
    exporter.render([replace(example.tables(rows), cells=counting)])
    rows[3] = replace(rows[3], scans_total=99)
    counting.calls = 0

    page = exporter.render([replace(example.tables(rows), cells=counting)])

    assert counting.calls == 1
    assert example.values(page, "pg_tables_scans_total", "relname")["t3"] == 99


def test_only_the_changed_column_of_the_changed_chunk_is_compressed_again() -> None:
    rows = _rows(2 * ROWS)
    exporter = TargetExporter(example.target())
    before = exporter.render([example.tables(rows)])
    rows[3] = replace(rows[3], scans_total=99)

    after = exporter.render([example.tables(rows)])

    scans = "pg_tables_scans_total"
    assert _pieces(before, scans)[1] is _pieces(after, scans)[1]
    assert _pieces(before, scans)[0] is not _pieces(after, scans)[0]
    assert _pieces(before, "pg_tables_live") == _pieces(after, "pg_tables_live")


def test_rows_are_read_again_when_labels_may_have_changed() -> None:
    names = {"t0": "old"}
    rows = _rows(1)
    exporter = TargetExporter(example.target())

    def read(row: TableRow) -> tuple[object, ...]:
        return (names[row.relname], *example.cells(row)[1:])

    sheet = replace(example.tables(rows), cells=read)
    exporter.render([sheet])
    names["t0"] = "new"

    page = exporter.render([replace(sheet, labels_version=1)])

    assert example.values(page, "pg_tables_live", "relname") == {"new": 0}


@given(
    versions=st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 3)))
    ),
    two_databases=st.booleans(),
)
def test_what_is_rendered_from_caches_equals_what_is_rendered_afresh(
    *, versions: list[list[tuple[int, int | None]]], two_databases: bool
) -> None:
    exporter = TargetExporter(example.target())
    for version in versions:
        rows = [TableRow(relname=f"t{n}", scans_total=scans) for n, scans in version]
        sheets = [example.tables(rows, datname="app")]
        if two_databases and len(version) % 2:
            sheets.append(example.tables(rows[::-1], datname="web"))

        page = exporter.render(sheets)

        assert example.text(_render(*sheets)) == example.text(page)


def test_a_sheet_that_is_gone_is_forgotten() -> None:
    exporter = TargetExporter(example.target())
    exporter.render([example.gauge("a", {"x": 1}), example.gauge("b", {"x": 1})])

    page = exporter.render([example.gauge("b", {"x": 1})])

    assert {name for name, _ in example.samples(page)} == {"pg_b_value"}


# Profiles


def _scans(page: TargetExposition) -> dict[str, float]:
    return example.values(page, "pg_tables_scans_total", "relname")


def test_everything_exports_the_servers_own_counters() -> None:
    rows = [TableRow(relname="a", scans_total=500)]
    exporter = TargetExporter(example.target())
    exporter.absorb(example.increase([TableRow(relname="a", scans_total=5)]))

    page = exporter.render([example.tables(rows)])

    assert _scans(page) == {"a": 500}


def test_a_profile_exports_increases_of_the_busiest_rows_and_other() -> None:
    rows = [TableRow(relname=name, scans_total=500, live=7) for name in "abc"]
    exporter = TargetExporter(example.target(), SMALL)
    moves = [
        TableRow(relname=name, scans_total=n)
        for name, n in {"a": 5, "b": 1, "c": 9}.items()
    ]
    exporter.absorb(example.increase(moves))
    first = exporter.render([example.tables(rows)])
    exporter.absorb(example.increase(moves))

    second = exporter.render([example.tables(rows)])

    assert _scans(first) == {"a": 0, "c": 0, "other": 15}
    assert _scans(second) == {"a": 5, "c": 9, "other": 16}
    live = example.values(second, "pg_tables_live", "relname")
    assert live == {"a": 7, "c": 7}


def test_other_exists_from_the_start_so_that_its_first_increase_shows() -> None:
    rows = [TableRow(relname=name) for name in "abc"]

    page = TargetExporter(example.target(), SMALL).render([example.tables(rows)])

    assert _scans(page) == {"a": 0, "b": 0, "other": 0}


def test_a_counter_the_server_does_not_have_has_no_other() -> None:
    rows = [TableRow(relname=name, scans_total=None) for name in "abc"]
    sheet = example.tables(rows, rank="seconds_total")

    page = TargetExporter(example.target(), SMALL).render([sheet])

    assert _scans(page) == {}


def test_places_are_shared_by_all_databases_and_each_has_its_other() -> None:
    rows = [TableRow(relname=name) for name in "ab"]
    exporter = TargetExporter(example.target(), SMALL)
    sheets = [example.tables(rows, datname=datname) for datname in ("app", "web")]
    for datname, amount in (("app", 9), ("web", 1)):
        moves = [TableRow(relname=name, scans_total=amount) for name in "ab"]
        exporter.absorb(example.increase(moves, datname=datname))

    page = exporter.render(sheets)

    found = {
        (dict(labels)["datname"], dict(labels)["relname"]): value
        for (name, labels), value in example.samples(page).items()
        if name == "pg_tables_scans_total"
    }
    expected = {
        ("app", "a"): 0,
        ("app", "b"): 0,
        ("app", "other"): 18,
        ("web", "other"): 2,
    }
    assert found == expected


def test_other_of_a_database_keeps_the_databases_name() -> None:
    columns = (Column("datname", Kind.LABEL, ""), *example.COLUMNS)
    rows = [TableRow(relname=name) for name in "abc"]

    def read(row: object) -> tuple[object, ...]:
        return ("", *example.cells(row))

    sheets = [
        replace(example.tables(rows, datname=datname), columns=columns, cells=read)
        for datname in ("app", "web")
    ]

    page = TargetExporter(example.target(), SMALL).render(sheets)

    found = {
        dict(labels)["datname"]
        for name, labels in example.samples(page)
        if name == "pg_tables_scans_total" and ("relname", "other") in labels
    }
    assert found == {"app", "web"}
    assert page.dropped == {}


def test_a_gauge_may_rank_rows_and_what_is_left_out_is_counted() -> None:
    sizes = {"a": 5, "b": 1, "c": 9}
    rows = [TableRow(relname=name, live=n) for name, n in sizes.items()]
    exporter = TargetExporter(example.target(), SMALL)

    page = exporter.render([example.tables(rows, rank="live")])

    live = example.values(page, "pg_tables_live", "relname")
    assert live == {"a": 5, "c": 9}
    assert page.dropped == {"tables": 3}


def test_bytes_of_rows_without_a_place_add_up_in_other() -> None:
    columns = (Column("relname", Kind.LABEL, ""), Column("size_bytes", Kind.GAUGE, ""))
    sizes = {"a": 5, "b": 1, "c": 9, "d": None, "e": 2}
    rows = [TableRow(relname=name, size_bytes=n) for name, n in sizes.items()]

    def read(row: TableRow) -> tuple[object, ...]:
        return row.relname, row.size_bytes

    sheet = replace(
        example.tables(rows, rank="size_bytes"), columns=columns, cells=read
    )

    page = TargetExporter(example.target(), SMALL).render([sheet])

    found = example.values(page, "pg_tables_size_bytes", "relname")
    assert found == {"a": 5, "c": 9, "other": 3}
    assert page.dropped == {}


def test_a_hard_cap_cuts_and_counts() -> None:
    limits = SeriesLimits(places=None, per_family=3, per_target=100)
    sheet = example.gauge("m", {n: n for n in range(5)})

    page = TargetExporter(example.target(), limits).render([sheet])

    assert page.series == 3
    assert page.dropped == {"m": 2}


def test_a_sheets_own_limit_counts_what_it_cuts() -> None:
    sheet = example.gauge("m", {n: n for n in range(5)}, max_series=2)

    page = _render(sheet)

    assert page.series == 2
    assert page.dropped == {"m": 3}


def test_drops_add_up_over_renderings() -> None:
    sheet = example.gauge("m", {n: n for n in range(5)}, max_series=2)
    exporter = TargetExporter(example.target())
    exporter.render([sheet])

    page = exporter.render([sheet])

    assert page.dropped == {"m": 6}


@pytest.mark.promise(10)
@given(
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(1, 200),
    st.integers(1, 50),
    st.none() | st.integers(0, 20),
)
def test_no_page_exceeds_its_caps(
    sizes: list[int], per_target: int, per_family: int, places: int | None
) -> None:
    limits = SeriesLimits(places=places, per_family=per_family, per_target=per_target)
    sheets = [
        example.gauge(f"m{i}", dict.fromkeys(range(size), 1))
        if i % 2
        else replace(example.tables(_rows(size)), name=f"m{i}")
        for i, size in enumerate(sizes)
    ]

    page = TargetExporter(example.target(), limits).render(sheets)

    assert page.series <= per_target
    assert all(family.series <= per_family for family in page.families)
