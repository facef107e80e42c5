"""Recorded statements lose their secrets, literals and comments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sqltext.redaction import is_utility, redact
from monitor.sqltext.tree import fingerprint


@pytest.mark.promise(14)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alter role r password 'S3cr3t'", "alter role [redacted]"),
        ("CREATE USER x WITH PASSWORD 'S3cr3t'", "CREATE USER [redacted]"),
        ("/* x */ create role a password $$S3cr3t$$", "create role [redacted]"),
        ("set app.api_token = 'S3cr3t'", "set app [redacted]"),
        (
            "create user mapping for a server b options (password 'S3cr3t')",
            "create user [redacted]",
        ),
        ("alter role r passwor", "alter role r passwor"),
    ],
)
def test_utility_texts_that_speak_of_secrets_keep_two_words(
    text: str, expected: str
) -> None:
    assert expected == redact(text)


@pytest.mark.promise(14)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("comment on table t is 'bob@example.com'", "comment on table t is $1"),
        ("do $body$ begin perform 'x'; end $body$", "do $1"),
        ("copy t from E'/tmp/it\\'s' delimiter ','", "copy t from $1 delimiter $2"),
        ("execute p(4111111111111111, $1)", "execute p($2, $1)"),
        ('listen "it\'s"', 'listen "it\'s"'),
    ],
)
def test_literals_of_utility_texts_become_parameters(text: str, expected: str) -> None:
    assert expected == redact(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from t where a = $1", "select * from t where a = $1"),
        ("  select a\n\tfrom t ", "select a from t"),
        ('select  "a  b"\nfrom t', 'select "a  b" from t'),
        (r"select E'a\'b', 'c'", "select $1, $2"),
        (r"select e'\\', a", "select $1, a"),
        ("select'x', $1 - 2/3 /* y */ , 4", "select$2, $1 - 2/3 , 4"),
        ("select 1 -- bob@example.com\n, 2", "select 1 , 2"),
        ("select /* a /* b */ c */ 1", "select 1"),
        ("select 1 /* cut off", "select 1"),
        ("select $1, 'bob@example.com", "select $1, $2"),
        ("select '--', \"/*\" from t", 'select $1, "/*" from t'),
        ("update users set password = $1", "update users set password = $1"),
        ("(select U&'x') union (select B'1')", "(select $1) union (select $2)"),
        ("select name from t where a::numeric(10,2) > .5", None),
        ("select $tag$ a $b$ c $tag$, a$b$c", "select $1, a$b$c"),
        ("", ""),
        ("-- nothing", ""),
    ],
)
def test_queries_lose_comments_and_strings(text: str, expected: str | None) -> None:
    assert redact(text) == (text if expected is None else expected)


@pytest.mark.parametrize("text", ["  ((select 1))", "/* a */ WITH x as (select 1)", ""])
def test_queries_are_not_utility_statements(text: str) -> None:
    assert not is_utility(text)


def test_a_redacted_query_has_the_same_fingerprint() -> None:
    text = "select /* x */ a from t -- y\n where b = 'z' and c in ($1, $2)"

    assert fingerprint(text) == fingerprint(redact(text))


@given(st.text(alphabet=st.characters(exclude_characters="'$\\")), st.booleans())
def test_no_literal_survives(
    secret: str,
    is_closed: bool,  # noqa: FBT001 - hypothesis fills it
) -> None:
    marked = f"\x02{secret}\x03"
    text = f"comment on table t is '{marked}" + ("'" if is_closed else "")

    assert marked not in redact(text)


@given(st.text())
def test_any_text_is_redacted_without_failing_and_only_once(text: str) -> None:
    once = redact(text)

    assert redact(once) == once or is_utility(text)
