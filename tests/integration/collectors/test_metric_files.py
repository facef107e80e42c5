"""The operator's own metric files: loaded by name, each costing only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.collectors.build import Libraries
from monitor.errors import TargetError
from monitor.model.snapshot import Kind
from monitor.model.target import Credentials
from monitor.postgres.queries import Library
from tests.collecting import bench, samples


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


def test_a_broken_file_is_named_and_the_others_load(tmp_path: Path) -> None:
    folder = _write(
        tmp_path,
        good="select 1 as one",
        broken="-- T\n-- @interval never\nselect 1 as one",
        empty="-- nothing here\n",
    )
    (folder / "Odd name.sql").write_text("select 1 as one")
    (folder / "bytes.sql").write_bytes(b"select '\xff' as one")

    library = Library.load(folder)

    assert library.names == ("good",)
    messages = "\n".join(error.message for error in library.errors)
    assert f"{folder}/broken.sql:2: " in messages
    assert f"{folder}/empty.sql:1: there is no statement" in messages
    assert f'could not read "{folder}/bytes.sql"' in messages
    assert f'cannot use the file name "{folder}/Odd name.sql"' in messages
    assert len(library.errors) == 4


def test_a_folder_that_is_missing_is_an_error_of_the_library(tmp_path: Path) -> None:
    library = Library.load(tmp_path / "gone")

    assert library.names == ()
    assert "could not find the folder" in library.errors[0].message


def test_a_shipped_name_cannot_be_taken(tmp_path: Path) -> None:
    folder = _write(
        tmp_path, stat_database="select 1 as one", stat_bgwriter="select 1 as one"
    )

    libraries = Libraries.load(folder)

    messages = [error.message for error in libraries.errors]
    assert len(messages) == 2
    assert 'there is a query "stat_database" already' in messages[1]
    assert libraries.metrics.variants("stat_bgwriter")[0].parent != folder


def test_variants_that_follow_two_versions_are_refused(tmp_path: Path) -> None:
    folder = tmp_path
    for name in ("q", "q@17", "q@hstore-1.4"):
        (folder / f"{name}.sql").write_text("select 1 as one")

    library = Library.load(folder)

    assert [p.name for p in library.variants("q")] == ["q.sql", "q@17.sql"]
    assert "q@hstore-1.4.sql:1: variants" in library.errors[0].message


@pytest.mark.pg
async def test_a_file_without_a_header_is_exported(
    reader: Credentials, tmp_path: Path
) -> None:
    folder = _write(
        tmp_path,
        shop="select 'north' as region, 3 as orders, 4::numeric as paid_total",
    )
    async with bench(reader, libraries=Libraries.load(folder)) as at:
        (sheet,) = (await at.collect("shop")).sheets

    assert samples(sheet) == [{"region": "north", "orders": 3, "paid_total": 4.0}]
    assert [c.kind for c in sheet.columns] == [Kind.LABEL, Kind.GAUGE, Kind.COUNTER]
    assert (sheet.name, sheet.datname, sheet.max_series) == ("shop", "", 1000)


@pytest.mark.pg
async def test_a_file_of_scope_database_runs_in_every_database(
    reader: Credentials, tmp_path: Path
) -> None:
    folder = _write(
        tmp_path,
        local="-- Local.\n-- @scope database\nselect 1 as one",
        shared="-- Shared.\nselect 1 as one",
    )
    libraries = Libraries.load(folder)
    async with bench(reader, libraries=libraries, is_control=False) as at:
        (sheet,) = (await at.collect("local")).sheets
        names = at.collectors.keys()

    assert sheet.datname == at.session.dbname
    assert "shared" not in names
    assert "stat_statements" not in names
    assert {"stat_user_tables", "catalog", "sequences"} <= names


@pytest.mark.pg
async def test_a_file_that_fails_at_run_time_costs_only_itself(
    reader: Credentials, tmp_path: Path
) -> None:
    folder = _write(
        tmp_path,
        absent="select count(*) as n from no_such_table",
        divided="select 1 / 0 as n",
        text_total="select 'x' as n_total",
        twins="select 1 as n, 2 as n",
        healthy="select 1 as n",
    )
    async with bench(reader, libraries=Libraries.load(folder)) as at:
        for name in ("absent", "divided", "text_total", "twins"):
            with pytest.raises(TargetError):
                await at.collect(name)
        (sheet,) = (await at.collect("healthy")).sheets

    assert samples(sheet) == [{"n": 1}]
