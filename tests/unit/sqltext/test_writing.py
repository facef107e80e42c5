"""Expressions taken apart and written down again."""

from __future__ import annotations

import pytest

from monitor.sqltext.writing import draft, template


def test_an_expression_is_written_as_it_was_read() -> None:
    found = draft("((a = 1) AND (b OR c))")

    assert found is not None
    assert found.text() == "a = 1 AND (b OR c)"


def test_a_template_that_is_no_expression_is_a_defect() -> None:
    with pytest.raises(ValueError, match="not an expression"):
        template("(((")
