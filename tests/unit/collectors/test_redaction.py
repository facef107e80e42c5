from __future__ import annotations

import pytest

from monitor.collectors.statement_texts import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select $1 from t where a = $2", "select $1 from t where a = $2"),
        ("alter role r password 'S3cr3t'", "alter role r password '…'"),
        ("select 'it''s', 'b'", "select '…', '…'"),
        (r"select E'a\'b', 'c'", "select '…', '…'"),
        ("select e'\\\\', a", "select '…', a"),
        ("do $$ begin secret(); end $$", "do '…'"),
        ("do $x$ a $$ b $x$ language sql", "do '…' language sql"),
        ("select 1 /* bob@example.com */ + 2", "select 1   + 2"),
        ("select 1 -- secret\n+ 2", "select 1  \n+ 2"),
        ('select "it\'s" from "t--x"', 'select "it\'s" from "t--x"'),
        ("select 'never closed", "select '…'"),
        ("select $tag$ never closed", "select '…'"),
        ("/* never closed", ""),
        ("comment on table t is 'x' -- it's", "comment on table t is '…'"),
    ],
)
def test_literals_and_comments_do_not_survive(text: str, expected: str) -> None:
    assert expected == redact(text)
