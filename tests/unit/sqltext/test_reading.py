"""A statement that does more than read is told from one that reads."""

from __future__ import annotations

import pytest

from monitor.sqltext.reading import not_a_read


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select count(*) from public.notes where id = 7;",
        "with n as (select 1) select * from n union all select 2",
        "values (1), (2)",
        "select 'delete from public.notes; select 1'",
    ],
)
def test_what_only_reads_is_taken(text: str) -> None:
    assert not_a_read(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the parser does not understand it"),
        ("select 1; select 2", "it is not one statement"),
        ("insert into n values (1)", "it is not a SELECT"),
        ("explain analyze delete from n", "it is not a SELECT"),
        ("create table c as select 1", "it is not a SELECT"),
        ("select 1 into c", "it creates a table"),
        ("select 1 from n for share", "it writes or locks rows"),
        (
            "with gone as (update n set a = 1 returning a) select a from gone",
            "it writes or locks rows",
        ),
        ("select 1 where $1 = 1", "it has parameters without values"),
    ],
)
def test_what_does_more_is_named(text: str, reason: str) -> None:
    assert not_a_read(text) == reason
