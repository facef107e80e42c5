"""What a statement does to which relations, by name."""

from __future__ import annotations

import pytest

from monitor.sqltext.outline import outline


def uses(text: str) -> set[tuple[str, str]]:
    found = outline(text)
    assert found is not None, text
    return {
        (f"{use.schema}.{use.name}" if use.schema else use.name, use.command)
        for use in found.uses
    }


def read(*names: str) -> set[tuple[str, str]]:
    return {(name, "select") for name in names}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("select * from a", ["a"]),
        ("table a", ["a"]),
        ("select * from only s.a x, b", ["s.a", "b"]),
        ("select * from a tablesample system (1)", ["a"]),
        ("select 'a from b', a as b from c where a.b = $1", ["c"]),
        ("with a as (select 1) select * from a", []),
        ("with a as (select * from a) select * from a", ["a"]),
        ("with a as (select 1) select * from s.a", ["s.a"]),
        ("select * from a, (with a as (select 1) select * from a) b", ["a"]),
        ("with recursive a as (select 1 union table b), b as (table c) table a", ["c"]),
        ("with x as materialized (table a) select 1 from x, x y", ["a"]),
        ("select * from a, lateral (select * from b where b.id = a.id) c", ["a", "b"]),
        ("select (select 1 from a), array(select 1 from b) from c", ["a", "b", "c"]),
        ("select 1 from a group by (select 1 from b)", ["a", "b"]),
        ("select 1 from a having exists (select 1 from b)", ["a", "b"]),
        ("select 1 from a order by (select 1 from b)", ["a", "b"]),
        ("select 1 from a limit (select 1 from b) offset (select 1 from c)", [*"abc"]),
        ("select distinct on ((select 1 from b)) 1 from a", ["a", "b"]),
        ("select sum(x) over (partition by (select 1 from b)) from a", ["a", "b"]),
        (
            "select sum(x) over w from a window w as (order by (select 1 from b))",
            [*"ab"],
        ),
        ("select count(*) filter (where exists (table b)) from a", ["a", "b"]),
        ("select case when exists (table a) then (table b) end", ["a", "b"]),
        ("select 1 from a left join b on exists (table c)", ["a", "b", "c"]),
        ("table a union (table b except table c order by 1)", ["a", "b", "c"]),
        ("table a union table b limit (select 1 from c)", ["a", "b", "c"]),
        ("values ((select 1 from a))", ["a"]),
        ("select * from f(1)", []),
        ("select * from a(), f((select 1 from b)) as c", ["b"]),
        ("select * from rows from (f(1), g((select 1 from a)))", ["a"]),
        ("select f(array(select id from a))", ["a"]),
        ("prepare p (integer) as select * from a where id = $1", ["a"]),
        ("declare c cursor for select * from a", ["a"]),
        ("create table t as select * from a", ["a"]),
        ("select * into t from a", ["a"]),
        ("copy a to stdout", ["a"]),
        ("copy s.a (id) to stdout", ["s.a"]),
        ("copy (select * from a) to stdout", ["a"]),
        ("explain analyze select * from a", ["a"]),
        ("execute p(1)", []),
        ("vacuum a", []),
    ],
)
def test_relations_that_are_read_are_found_wherever_they_stand(
    text: str, names: list[str]
) -> None:
    assert uses(text) == read(*names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("insert into a values (1)", {("a", "insert")}),
        ("insert into a select * from b", {("a", "insert"), *read("b")}),
        ("insert into a values (1) returning id", {("a", "insert"), *read("a")}),
        (
            "insert into a values (1) on conflict do nothing",
            {("a", "insert")},
        ),
        (
            (
                "insert into a values (1) on conflict (id) do update "
                "set x = (select 1 from b) where exists (table c)"
            ),
            {("a", "insert"), ("a", "update"), *read("a", "b", "c")},
        ),
        (
            "update a set x = (select 1 from b) from c where exists (table d)",
            {("a", "update"), *read("a", "b", "c", "d")},
        ),
        (
            "delete from a using b where exists (table c) returning (select 1 from d)",
            {("a", "delete"), *read("a", "b", "c", "d")},
        ),
        (
            (
                "merge into a using b on a.id = b.id when matched and exists (table c) "
                "then update set x = (select 1 from d) when not matched then insert "
                "values ((select 1 from e))"
            ),
            {("a", "update"), ("a", "insert"), *read("a", "b", "c", "d", "e")},
        ),
        (
            "merge into a using (table b) x on true when matched then delete",
            {("a", "delete"), *read("a", "b")},
        ),
        (
            "with b as (delete from a returning *) insert into c select * from b",
            {("a", "delete"), ("c", "insert"), *read("a")},
        ),
        (
            "with a as (select 1) update a set x = 1",
            {("a", "update"), *read("a")},
        ),
        (
            "select * from a, b for update",
            {("a", "update"), ("b", "update"), *read("a", "b")},
        ),
        ("copy a from stdin", {("a", "insert")}),
    ],
)
def test_what_is_done_to_a_relation_is_told(
    text: str, expected: set[tuple[str, str]]
) -> None:
    assert uses(text) == expected


def test_functions_are_found_wherever_they_are_called() -> None:
    found = outline(
        "select f(1), s.g(h(x)) from d.i() where exists (select j() from a) "
        "order by f(2) limit k()"
    )

    assert found is not None
    assert set(found.calls) == {
        ("", "f"),
        ("s", "g"),
        ("", "h"),
        ("d", "i"),
        ("", "j"),
        ("", "k"),
    }


def test_statements_are_told_by_their_kind() -> None:
    found = outline("explain select 1; insert into a values (1)")

    assert found is not None
    assert found.kinds == ("explain_stmt", "insert_stmt")


@pytest.mark.parametrize("text", ["", "select from from a", "exists (table a)"])
def test_what_does_not_parse_is_not_analysed(text: str) -> None:
    assert outline(text) is None
