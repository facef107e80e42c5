"""What benchmarks share: a way to print past pytest's capture."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that prints a line at once."""

    def line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    return line
