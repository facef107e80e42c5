"""pgvigil is Apache-2.0: nothing it needs at run time may be stricter."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"
# Called through its own interface and replaceable by the user: what the LGPL asks.
LESSER = {"psycopg", "psycopg-binary"}
_STRICT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
_LESSER = re.compile(r"LGPL|GNU Lesser General Public", re.IGNORECASE)


def needed() -> dict[str, Distribution]:
    """Return the distributions that an installation for running pulls in."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    found: dict[str, Distribution] = {}
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        extras = requirement.extras or {""}
        if name in found and not requirement.extras:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += [
            child
            for child in map(Requirement, found[name].requires or ())
            if child.marker is None
            or any(child.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return found


def licence(of: Distribution) -> str:
    """Return all that a distribution says about its licence."""
    return "; ".join(filter(None, _statements(of)))


def _statements(of: Distribution) -> Iterator[str]:
    for field in ("License-Expression", "License", "Classifier"):
        for value in of.metadata.get_all(field) or ():
            is_topic = field == "Classifier" and not value.startswith("License ::")
            # The field may hold the whole text, whose first line is the name.
            yield "" if is_topic else value.strip().split("\n")[0]


def is_strict(text: str) -> bool:
    return bool(_STRICT.search(_LESSER.sub("", text)))


def test_no_dependency_is_under_the_gpl() -> None:
    found = needed()

    strict = {name: licence(d) for name, d in found.items() if is_strict(licence(d))}

    assert len(found) > len(LESSER) + 8
    assert strict == {}


def test_only_the_driver_is_under_the_lesser_gpl() -> None:
    lesser = {name for name, d in needed().items() if _LESSER.search(licence(d))}

    assert lesser <= LESSER


def test_every_dependency_tells_its_licence() -> None:
    silent = [n for n, d in needed().items() if not licence(d)]

    assert silent == []


def test_the_gpl_is_told_from_the_lesser_one() -> None:
    said = ["GPL-3.0-or-later", "LGPL-3.0-only", "GNU Affero General Public License"]

    assert [is_strict(text) for text in said] == [True, False, True]
