"""Reads docs/requirements.toml, and in which tests its rows are verified."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

TESTS = Path(__file__).parent
FILE = TESTS.parent / "docs" / "requirements.toml"

State = Literal["built", "open", "declined"]
STATES: tuple[State, ...] = ("built", "open", "declined")
LONGEST_SENTENCE = 180

_ID = re.compile(r"S\d(\.\d+)*-(?:\w|[mp]\d)|S-P\d|X\d+|index-map")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row: what the product does, and how far that is true.

    `reason` says why it is declined, `note` what is missing or where a limit lies.
    """

    id: str
    area: str
    does: str
    state: State
    reason: str = ""
    note: str = ""

    def mistakes(self, verified: Iterable[str]) -> Iterator[str]:
        """Yield what is wrong with the row itself or with its tests."""
        if not _ID.fullmatch(self.id):
            yield "is no id"
        if self.state not in STATES:
            yield f'has the unknown state "{self.state}"'
        if not 0 < len(self.does) <= LONGEST_SENTENCE:
            yield f"takes {len(self.does)} characters, more than {LONGEST_SENTENCE}"
        if [end.end() for end in _SENTENCE_END.finditer(self.does)] != [len(self.does)]:
            yield "is not one sentence"
        if self.state == "built" and self.id not in verified:
            yield "is built, but no test is marked with it"
        if self.state == "declined" and not self.reason:
            yield "is declined without a reason"
        if self.reason and self.state != "declined":
            yield "has a reason although it is not declined"


class Mark(NamedTuple):
    """Where a test says which row it verifies."""

    path: Path
    id: str


def read(text: str) -> list[Requirement]:
    """Return the rows of a requirements file in their order.

    Raises:
        TOMLDecodeError: an id occurs twice, or the text is no TOML.
        TypeError: a row has an unknown key or lacks one.
        KeyError: an area has no title.
    """
    tree = tomllib.loads(text)
    titles = tree.pop("areas")
    return [
        Requirement(id=id_, area=titles[area], **row)
        for area, rows in tree.items()
        for id_, row in rows.items()
    ]


def marks(paths: Iterable[Path]) -> Iterator[Mark]:
    """Yield what the `requirement` marks in test files name."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
            match node:
                case ast.Call(func=ast.Attribute(attr="requirement"), args=ids):
                    yield from (Mark(path, ast.literal_eval(id_)) for id_ in ids)
                case _:
                    pass


def table(requirements: list[Requirement]) -> str:
    """Return counts by area, then each area's rows, as Markdown."""
    areas = list(dict.fromkeys(one.area for one in requirements))
    count = Counter((one.area, one.state) for one in requirements)
    lines = [f"| area | {' | '.join(STATES)} |", "|---|" + "---:|" * len(STATES)]
    lines += [_counts(area, [count[area, state] for state in STATES]) for area in areas]
    total = Counter(one.state for one in requirements)
    lines.append(_counts("all", [total[state] for state in STATES]))
    for area in areas:
        lines += ["", f"## {area}", "", "| id | the product | state |", "|---|---|---|"]
        lines += [_row(one) for one in requirements if one.area == area]
    return "\n".join(lines) + "\n"


def _counts(name: str, counts: list[int]) -> str:
    return f"| {name} | {' | '.join(map(str, counts))} |"


def _row(one: Requirement) -> str:
    state = ": ".join(filter(None, (one.state, one.reason or one.note)))
    return f"| {one.id} | {one.does} | {state} |"
