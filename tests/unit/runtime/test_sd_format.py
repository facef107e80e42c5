"""The file_sd and http_sd form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.model.target import Target
from monitor.runtime.discovery import compare
from monitor.runtime.sd_format import Group, parse, split_address


def test_json_and_yaml_say_the_same() -> None:
    as_json = b'[{"targets": ["db1:5432", "db2"], "labels": {"team": "shop"}}]'
    as_yaml = b"- targets: [db1:5432, db2]\n  labels: {team: shop}\n"

    expected = (Group(("db1:5432", "db2"), {"team": "shop"}),)

    assert expected == parse(as_json)
    assert expected == parse(as_yaml, is_yaml=True)


def test_an_empty_document_has_no_groups() -> None:
    assert parse(b"") == ()
    assert parse(b"[]") == ()


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"targets": []}',
        b'["hunter2"]',
        b'[{"targets": "hunter2"}]',
        b'[{"targets": [], "labels": ["hunter2"]}]',
        b'[{"targets": [], "hunter2": 1}]',
        b"a: !!python/object:hunter2 {}",
        b"\xff\xfehunter2",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("is_yaml", [False, True])
def test_another_form_is_refused_without_repeating_it(
    text: bytes, *, is_yaml: bool
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, is_yaml=is_yaml)

    assert "hunter2" not in str(caught.value)


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = [b"- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        b"- &a%d [%s]" % (n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 30)
    ]
    bomb = b"- targets:\n" + b"\n".join(b"  " + line for line in lines)

    with pytest.raises(ConfigError, match="in a text's place"):
        parse(bomb, is_yaml=True)


@given(st.binary(max_size=200), st.booleans())
def test_no_document_crashes_the_parser(text: bytes, is_yaml: bool) -> None:  # noqa: FBT001
    try:
        groups = parse(text, is_yaml=is_yaml)
    except ConfigError:
        return

    assert all(isinstance(group, Group) for group in groups)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("db1", ("db1", "")),
        ("db1:5433", ("db1", "5433")),
        ("[::1]:5433", ("::1", "5433")),
        ("[::1]", ("::1", "")),
        ("fe80::1", ("fe80::1", "")),
        ("/run/postgresql", ("/run/postgresql", "")),
    ],
)
def test_addresses_split_into_host_and_port(
    address: str, expected: tuple[str, str]
) -> None:
    assert expected == split_address(address)


@pytest.mark.parametrize(
    "address", ["", ":5432", "a:b", "[::1", "[::1]x", "a,b", "a\n"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        split_address(address)


def test_a_changed_target_is_both_removed_and_added() -> None:
    kept, gone, new = Target(name="kept"), Target(name="gone"), Target(name="new")
    before = Target(name="changed", profile="minimal")
    after = Target(name="changed", profile="everything")

    change = compare((kept, gone, before), (after, new, Target(name="kept")))

    assert (gone, before) == change.removed
    assert (after, new) == change.added
    assert (kept,) == change.unchanged
