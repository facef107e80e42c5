from __future__ import annotations

import pytest

from monitor.errors import MigrationError
from monitor.model import repeatable
from monitor.model.repeatable import Made, Repeatable


def view(name: str, body: str = "select 1 as one", head: str = "") -> str:
    return f"{head}create or replace view monitoring.{name} as\n{body};\n"


def read(
    files: dict[str, str], major: int = 18, *, control: bool = True
) -> tuple[Repeatable, ...]:
    scope = "control" if control else "database"
    return repeatable.read(files, major=major, scope=scope)


def made(item: Repeatable, major: int = 18) -> Made:
    return Made(
        name=item.name, kind=item.kind, checksum=item.checksum, server_major=major
    )


@pytest.mark.parametrize(("server", "expected"), [(15, "13"), (16, "16"), (18, "17")])
def test_the_newest_variant_that_fits_is_chosen(server: int, expected: str) -> None:
    files = {
        "v@17.sql": view("v", "select 17 as since"),
        "v.sql": view("v", "select 13 as since"),
        "v@16.sql": view("v", "select 16 as since"),
    }

    (chosen,) = read(files, server)

    assert f"select {expected}" in chosen.sql


def test_a_name_with_only_newer_variants_is_left_out() -> None:
    assert read({"v@17.sql": view("v")}, 16) == ()


def test_each_comes_after_what_it_mentions() -> None:
    files = {
        "a.sql": view("a", "select * from monitoring.b"),
        "b.sql": view("b", "select * from monitoring.c, monitoring.a_table"),
        "c.sql": view("c"),
    }

    assert [item.name for item in read(files)] == ["c", "b", "a"]


def test_a_mention_in_a_comment_is_no_need() -> None:
    files = {
        "a.sql": view("a", head="-- like monitoring.b\n"),
        "b.sql": view("b", "select * from monitoring.a"),
    }

    assert [item.name for item in read(files)] == ["a", "b"]


def test_two_that_need_each_other_are_refused() -> None:
    files = {
        "a.sql": view("a", "select * from monitoring.b"),
        "b.sql": view("b", "select * from monitoring.a"),
    }

    with pytest.raises(MigrationError, match="need each other"):
        read(files)


def test_what_reads_stored_reports_stays_in_the_control_database() -> None:
    files = {"a.sql": view("a", head="-- @scope control\n\n"), "b.sql": view("b")}

    assert [item.name for item in read(files)] == ["a", "b"]
    assert [item.name for item in read(files, control=False)] == ["b"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.sql", view("other")),
        ("a.sql", view("a") + view("b")),
        ("a.sql", "select 1"),
        ("a@x.sql", view("a")),
        ("A.sql", view("A")),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(file: str, text: str) -> None:
    with pytest.raises(MigrationError, match="cannot use"):
        read({file: text})


def test_only_what_changed_is_made_again() -> None:
    same, changed = read({"a.sql": view("a"), "b.sql": view("b")})
    former = Made(name="b", kind="view", checksum="another", server_major=18)
    before = [made(same), former]

    assert repeatable.stale((same, changed), before, major=18) == (changed,)


def test_all_are_made_again_on_a_new_major() -> None:
    items = read({"a.sql": view("a"), "b.sql": view("b")})
    before = [made(item, 17) for item in items]

    assert repeatable.stale(items, before, major=18) == items


def test_what_is_no_longer_shipped_is_dropped() -> None:
    (item,) = read({"a.sql": view("a")})
    former = Made(name="former", kind="view", checksum="x", server_major=18)

    assert repeatable.dropped([item], [made(item), former]) == (former,)
