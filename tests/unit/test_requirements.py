"""The list of requirements is sound, and what it calls built has a test."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.requirements import FILE, TESTS, Mark, Requirement, marks, read, table

REQUIREMENTS = read(FILE.read_text())
VERIFIED = {mark.id for mark in marks(sorted(TESTS.rglob("*.py")))}

SOUND = Requirement(id="S1.2-a", area="Area", does="It works.", state="open")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.id)
def test_every_row_is_sound(requirement: Requirement) -> None:
    assert list(requirement.mistakes(VERIFIED)) == []


def test_every_marked_row_exists() -> None:
    assert VERIFIED - {one.id for one in REQUIREMENTS} == set()


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        (replace(SOUND, id="S1.2"), "is no id"),
        (replace(SOUND, does="It works"), "is not one sentence"),
        (replace(SOUND, does="It works. Well."), "is not one sentence"),
        (replace(SOUND, does="o" * 180 + "."), "takes 181 characters, more than 180"),
        (replace(SOUND, state="built"), "is built, but no test is marked with it"),
        (replace(SOUND, state="declined"), "is declined without a reason"),
        (
            replace(SOUND, reason="It costs too much."),
            "has a reason although it is not declined",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unsound_row_is_named(wrong: Requirement, mistake: str) -> None:
    assert list(wrong.mistakes({"S9-z"})) == [mistake]


def test_a_sound_row_has_no_mistakes() -> None:
    built = replace(SOUND, state="built")

    assert list(built.mistakes({SOUND.id})) == []


def test_an_unknown_state_is_a_mistake() -> None:
    text = '[areas]\na = "A"\n[a.X1]\ndoes = "It works."\nstate = "half"\n'

    (row,) = read(text)

    assert list(row.mistakes({})) == ['has the unknown state "half"']


def test_an_id_occurs_once() -> None:
    row = '[a.X1]\ndoes = "It works."\nstate = "open"\n'

    with pytest.raises(tomllib.TOMLDecodeError, match="declare"):
        read('[areas]\na = "A"\n' + row + row)


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(TypeError, match="does_not"):
        read('[areas]\na = "A"\n[a.X1]\ndoes_not = "work"\nstate = "open"\n')


def test_marks_are_found_wherever_pytest_takes_them(tmp_path: Path) -> None:
    file = tmp_path / "test_something.py"
    file.write_text(
        'pytestmark = pytest.mark.requirement("X1")\n'
        '@pytest.mark.requirement("X2", "X3")\n'
        "def test_it():\n"
        '    pytest.param(1, marks=pytest.mark.requirement("X4"))\n'
    )

    found = list(marks([file]))

    assert [Mark(file, id_) for id_ in ("X1", "X2", "X3", "X4")] == sorted(found)


def test_the_table_counts_by_area() -> None:
    rows = [SOUND, replace(SOUND, id="X1", state="declined", reason="It is not ours.")]

    lines = table(rows).splitlines()

    assert "| Area | 0 | 1 | 1 |" in lines
    assert "| X1 | It works. | declined: It is not ours. |" in lines
